"""What the servers of several Gateways say against each other, told with the places of both; and what they lack.

Gateways meet where they select the same proxy. Which proxies there will be nobody knows here, so each selector stands
for one: a proxy that it selects has all its labels, and is selected by every Gateway that asks for some of them. For
the same reason a credential is missed only if no namespace has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from xds.model.credential_names import Wanted, met_by, wanted_by_server
from xds.model.credentials import Credential
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.gateway_ports import Conflict, ConflictKind, PlacedServer, plan_ports
from xds.model.gateways import Gateway, Server, Transport
from xds.model.labels import Labels

CredentialsByNamespace = Mapping[str, tuple[Credential, ...]]


def gateway_findings(gateways: tuple[Gateway, ...], credentials: CredentialsByNamespace) -> tuple[Diagnostic, ...]:
    """Every conflict once, and every credential that is missing. gateways: oldest first."""
    found: dict[Diagnostic, None] = {}
    for selector in dict.fromkeys(gateway.selector for gateway in gateways):
        found.update(dict.fromkeys(map(_finding, _conflicts(selector, gateways))))
    return (*found, *_missing(gateways, credentials))


def _missing(gateways: tuple[Gateway, ...], credentials: CredentialsByNamespace) -> Iterator[Diagnostic]:
    if not any(server.tls for gateway in gateways for server in gateway.servers):
        return
    known = {wanted for group in credentials.values() for each in group for wanted in met_by(each)}
    for gateway in gateways:
        for server in gateway.servers:
            for wanted in sorted(set(wanted_by_server(server)) - known):
                yield _missed(gateway, server, wanted)


def _missed(gateway: Gateway, server: Server, wanted: Wanted) -> Diagnostic:
    what = "what clients' certificates are verified against" if wanted.is_authority else "a certificate with its key"
    reason = f"no Secret {wanted.name} has {what}: this server does not run until there is one"
    path = f"spec.servers[{server.index}].tls"
    return Diagnostic(Severity.WARNING, server.origin, reason, gateway.meta.key, path, "missing-credential")


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
