"""What the servers of several Gateways say against each other, told with the places of both.

Gateways meet where they select the same proxy. Which proxies there will be nobody knows here, so each selector stands
for one: a proxy that it selects has all its labels, and is selected by every Gateway that asks for some of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from xds.model.diagnostic import Diagnostic, Severity
from xds.model.gateway_ports import Conflict, ConflictKind, PlacedServer, plan_ports
from xds.model.gateways import Gateway, Transport
from xds.model.labels import Labels


def gateway_findings(gateways: tuple[Gateway, ...]) -> tuple[Diagnostic, ...]:
    """Every conflict once. gateways: oldest first."""
    found: dict[Diagnostic, None] = {}
    for selector in dict.fromkeys(gateway.selector for gateway in gateways):
        found.update(dict.fromkeys(map(_finding, _conflicts(selector, gateways))))
    return tuple(found)


def _conflicts(labels: Labels, gateways: tuple[Gateway, ...]) -> tuple[Conflict, ...]:
    selecting = (gateway for gateway in gateways if gateway.selector.selects(labels))
    placed = (PlacedServer(each, server, server.port.number) for each in selecting for server in each.servers)
    return plan_ports(placed).conflicts


def _finding(conflict: Conflict) -> Diagnostic:
    loser = conflict.loser
    path = f"spec.servers[{loser.server.index}]"
    severity, code, reason = _TOLD[conflict.kind](conflict)
    return Diagnostic(severity, loser.server.origin, reason, loser.gateway.meta.key, path, code)


def _of_transport(conflict: Conflict) -> tuple[Severity, str, str]:
    old, new = conflict.winner.server, conflict.loser.server
    spoken = f"is for {old.transport.value}"
    shared = "which no other server can share" if old.transport is Transport.TCP else "which this one is not for"
    if new.transport is Transport.TCP and old.transport is not Transport.TCP:
        shared = "and TCP shares a port with nothing"
    return Severity.WARNING, "port-conflict", f"{_place(conflict)} {spoken}, {shared}: this server does not run"


def _of_names(conflict: Conflict) -> tuple[Severity, str, str]:
    names = ", ".join(conflict.names)
    reason = f"{_place(conflict)} has {names} on this port already: this server does not get connections for it"
    return Severity.WARNING, "duplicate-server-name", reason


def _of_address(conflict: Conflict) -> tuple[Severity, str, str]:
    bind = conflict.winner.server.bind
    reason = f"{_place(conflict)} binds {bind}: connections to that address do not reach this server"
    return Severity.INFO, "port-conflict", reason


_TOLD: Mapping[ConflictKind, Callable[[Conflict], tuple[Severity, str, str]]] = {
    ConflictKind.TRANSPORT: _of_transport,
    ConflictKind.NAMES: _of_names,
    ConflictKind.ADDRESS: _of_address,
}


def _place(conflict: Conflict) -> str:
    """``spec.servers[0] of Gateway/older.default at gateways.yaml:7``, on its port."""
    server = conflict.winner.server
    where = f"spec.servers[{server.index}] of {conflict.winner.gateway.meta.key} at {server.origin}"
    return where if conflict.kind is ConflictKind.NAMES else f"port {server.port.number} of {where}"
