"""ServiceEntries that cannot tell their connections from others', or that contradict each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from xds.config.analysis.subject import Subject
from xds.config.kinds.kind import ISTIO_NETWORKING
from xds.config.kinds.protocol import protocol_of
from xds.config.reader import Reader
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.services import Protocol, Service

_NEEDS_ADDRESS: Final = frozenset({"", "TCP"})


class _Declared(NamedTuple):
    """A port of a host as a ServiceEntry declares it."""

    protocol: Protocol
    entry: Reader


def analyse(subject: Subject) -> Iterator[Diagnostic]:
    """TCP ports without an address (IST0134), and one port with two protocols (IST0177)."""
    entries = tuple(subject.readers("ServiceEntry", ISTIO_NETWORKING))
    for entry in entries:
        yield from _unaddressed(subject, entry.section("spec"))
    yield from _contradictions(subject, entries)


def _unaddressed(subject: Subject, spec: Reader) -> Iterator[Diagnostic]:
    if spec.strings("addresses") or _has_address(subject, spec):
        return
    for port in spec.items("ports"):
        if port.text("protocol").upper() in _NEEDS_ADDRESS:
            number = port.integer("number")
            reason = f"without addresses, connections to port {number} of any host that nothing else claims come here"
            yield subject.finding(spec.raw.key, port.path, Severity.WARNING, reason, "addresses-required")


def _has_address(subject: Subject, spec: Reader) -> bool:
    """Given by the mesh, though the entry has none."""
    key = spec.raw.key
    declared = (service for host in spec.strings("hosts") for service in subject.services_matching(host))
    return any(_is_addressed(service) for service in declared if service.meta.key == key)


def _is_addressed(service: Service) -> bool:
    return bool(service.addresses)


def _contradictions(subject: Subject, entries: tuple[Reader, ...]) -> Iterator[Diagnostic]:
    first: dict[tuple[str, int], _Declared] = {}
    for entry in entries:
        spec = entry.section("spec")
        for port in spec.items("ports"):
            now = _Declared(protocol_of(port.text("protocol")), entry)
            for host in spec.strings("hosts"):
                before = first.setdefault((host, port.integer("number")), now)
                if before.protocol is not now.protocol and before.entry is not entry:
                    yield _contradiction(subject, host, port, before, now)


def _contradiction(subject: Subject, host: str, port: Reader, before: _Declared, now: _Declared) -> Diagnostic:
    other = f"{before.entry.raw.key} at {before.entry.raw.origin}"
    reason = f"port {port.integer('number')} of {host} is {now.protocol} here and {before.protocol} in {other}"
    return subject.finding(port.raw.key, (*port.path, "protocol"), Severity.WARNING, reason, "protocols-contradict")
