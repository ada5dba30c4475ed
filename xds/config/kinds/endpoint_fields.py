"""What EndpointSlices and Endpoints have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from xds.config.reader import Reader
from xds.model.objects import ObjectKey

_POD: Final = "Pod"


def parse_ports(ports: Iterable[Reader]) -> dict[str, int]:
    """TCP ports by name; a port without a number stands for every port, which no proxy can be told."""
    found: dict[str, int] = {}
    for port in ports:
        if port.text("protocol", "TCP") != "TCP":
            port.warning(
                "protocol", f"{port.text('protocol')} is not supported: this port is left out", "not-supported"
            )
        elif not port.has("port"):
            port.warning((), "not honoured yet: a port without a number is left out", "not-honoured")
        elif port.text("name") in found:
            port.error("name", f"{port.text('name')!r} is already the name of another port", "conflicting-fields")
        else:
            found[port.text("name")] = port.integer("port")
    return found


def parse_pod(address: Reader, namespace: str) -> ObjectKey | None:
    """The Pod that ``targetRef`` refers to; None if it refers to nothing or to something else."""
    reference = address.child("targetRef")
    if reference is None or reference.text("kind") != _POD or not reference.text("name"):
        return None
    return ObjectKey(_POD, reference.text("namespace", namespace), reference.text("name"))
