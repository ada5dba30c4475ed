"""What the servers of several Gateways say against each other, told with the places of both.

Gateways meet where they select the same proxy. Which proxies there will be nobody knows here, so each selector stands
for one: a proxy that it selects has all its labels, and is selected by every Gateway that asks for some of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from xds.config.fold_discovery import Discovery
from xds.config.fold_services import ServiceIndex
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.gateway_ports import Conflict, ConflictKind, PlacedServer, plan_ports
from xds.model.gateways import Gateway, Transport
from xds.model.labels import Labels
from xds.model.services import Service


@dataclass(frozen=True, slots=True, eq=False)
class GatewayFindings:
    """diagnostics: every conflict of ``gateways`` once, by selector and port."""

    gateways: tuple[Gateway, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()

    def update(self, gateways: tuple[Gateway, ...], discovery: Discovery, before: Discovery) -> GatewayFindings:
        """The state after a change. gateways: all there are, oldest first. discovery: what the Services in front of
        them are found in; before: the one that this state was made from."""
        if gateways is self.gateways and not _moved(gateways, discovery, before):
            return self
        found: dict[Diagnostic, None] = {}
        for selector in dict.fromkeys(gateway.selector for gateway in gateways):
            conflicts = _conflicts(selector, gateways, _targets(selector, discovery.services))
            found.update(dict.fromkeys(map(_finding, conflicts)))
        return GatewayFindings(gateways, tuple(found))


def _moved(gateways: tuple[Gateway, ...], discovery: Discovery, before: Discovery) -> bool:
    """Whether a Service that may lead to the gateways' proxies has changed."""
    if discovery is before or not gateways:
        return False
    pairs = ((before.services.find(key), discovery.services.find(key)) for key in discovery.touched)
    changed = [service for pair in pairs if pair[0] is not pair[1] for service in pair if service is not None]
    return any(_leads_to(service, gateway.selector) for service in changed for gateway in gateways)


def _leads_to(service: Service, labels: Labels) -> bool:
    return bool(service.selector) and service.selector is not None and service.selector.selects(labels)


def _targets(labels: Labels, services: ServiceIndex) -> Mapping[int, int]:
    """Where the ports of Services lead to at a proxy with these labels, whatever its namespace."""
    namespaces = {namespace for namespace, name, value in services.selecting if labels.get(name) == value}
    found: dict[int, int] = {}
    for key in (key for namespace in sorted(namespaces) for key in sorted(services.select(namespace, labels))):
        service = services.find(key)
        for port in service.ports if service is not None else ():
            found.setdefault(port.number, port.target if isinstance(port.target, int) else port.number)
    return found


def _conflicts(labels: Labels, gateways: tuple[Gateway, ...], targets: Mapping[int, int]) -> tuple[Conflict, ...]:
    selecting = (gateway for gateway in gateways if gateway.selector.selects(labels))
    servers = ((gateway, server) for gateway in selecting for server in gateway.servers)
    placed = (PlacedServer(gw, server, targets.get(server.port.number, server.port.number)) for gw, server in servers)
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
