"""Where traffic goes: Istio ``Destination`` and the rules for weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from xds.config.kinds.names import Scope, parse_port_number
from xds.config.reader import Reader
from xds.config.scalars import parse_dns_label
from xds.model.routing import Destination

ALL: Final = 100
_MAX_TOTAL: Final = 2**32 - 1


def parse_destination(reader: Reader, scope: Scope) -> Destination:
    """A destination with its host completed. ``*`` alone is an error: it names no service."""
    host = reader.parsed("host", scope.host, "")
    if host == "*" or not reader.text("host"):
        reader.error("host", "must name a service", "invalid-value")
    port = reader.child("port")
    return Destination(
        host=host,
        subset=reader.parsed("subset", parse_dns_label, ""),
        port=None if port is None else parse_port_number(port, "number"),
    )


def parse_weights(rule: Reader, targets: Sequence[Reader]) -> tuple[int, ...]:
    """The weight of each target. A single one gets all the traffic; several must not add up to nothing."""
    weights = tuple(target.integer("weight") for target in targets)
    for target, weight in zip(targets, weights, strict=True):
        if weight < 0:
            target.error("weight", "must not be negative", "out-of-range")
    if len(weights) == 1:
        return (ALL,)
    if weights and not any(weights):
        rule.error("route", "the weights of several destinations must not all be 0", "invalid-value")
    if sum(weights) > _MAX_TOTAL:
        rule.error("route", f"the weights must not add up to more than {_MAX_TOTAL}", "out-of-range")
    return weights
