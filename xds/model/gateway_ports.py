"""Which servers of several Gateways run on the ports of one proxy, and which have to stand back, and for whom.

Istio's rules: servers of plain-text HTTP share a port, and so do servers of TLS, whose server names unite. Nothing else
shares one, and no server name is given twice. Of those that contradict each other the one of the oldest Gateway runs.
Here, unlike in Istio, a server that shares some of its names with an older one keeps the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum

from xds.model.gateways import Gateway, Server, Transport
from xds.model.hosts import host_matches
from xds.model.server_tls import ServerTLSMode


@dataclass(frozen=True, slots=True, eq=False)
class PlacedServer:
    """A server of a Gateway, and the port that a proxy is to listen on for it. http3: also over QUIC."""

    gateway: Gateway
    server: Server
    number: int
    http3: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class RunningServer:
    """A server that a proxy runs. server_names: of TLS, those that lead here; ``*`` is for all that no other has."""

    placed: PlacedServer
    server_names: tuple[str, ...]

    @property
    def gateway(self) -> Gateway:
        return self.placed.gateway

    @property
    def server(self) -> Server:
        return self.placed.server


def running_server(gateway: Gateway, server: Server, number: int, http3: bool, *server_names: str) -> RunningServer:
    """A server that runs. With a memo, the same one as long as neither it nor its Gateway changes."""
    return RunningServer(PlacedServer(gateway, server, number, http3), server_names)


class ConflictKind(Enum):
    """Why two servers are not what their authors expect."""

    TRANSPORT = "transport"  # they cannot share the port: the younger does not run
    NAMES = "names"  # both have some server names, which are the older one's
    ADDRESS = "address"  # one has an address to itself of the port that the other listens on everywhere


@dataclass(frozen=True, slots=True, eq=False)
class Conflict:
    """Two servers of one proxy. loser: the one that has less than it says. names: which it has not, of TLS."""

    kind: ConflictKind
    loser: PlacedServer
    winner: PlacedServer
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class ListeningPort:
    """The servers of one port and bind address, those of the oldest Gateway first. bind: empty for every address."""

    number: int
    bind: str
    servers: tuple[RunningServer, ...]

    @property
    def transport(self) -> Transport:
        """What all of them have in common."""
        return self.servers[0].server.transport


@dataclass(frozen=True, slots=True, eq=False)
class PortPlan:
    """ports: ordered by number and address."""

    ports: tuple[ListeningPort, ...]
    conflicts: tuple[Conflict, ...]


def plan_ports(placed: Iterable[PlacedServer]) -> PortPlan:
    """The servers that run. placed: those of the oldest Gateway first."""
    drafts: dict[tuple[int, str], _Draft] = {}
    for each in placed:
        key = (each.number, each.server.bind)
        drafts.setdefault(key, _Draft(*key)).add(each)
    ordered = [drafts[key] for key in sorted(drafts)]
    conflicts = [conflict for draft in ordered for conflict in draft.conflicts]
    return PortPlan(tuple(draft.done() for draft in ordered), (*conflicts, *_hidden_addresses(ordered)))


@dataclass(slots=True)
class _Draft:
    number: int
    bind: str
    servers: list[RunningServer] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    owners: dict[tuple[bool, str], PlacedServer] = field(default_factory=dict)

    def add(self, placed: PlacedServer) -> None:
        transport = placed.server.transport
        if self.servers and (transport is Transport.TCP or transport is not self.servers[0].server.transport):
            self.conflicts.append(Conflict(ConflictKind.TRANSPORT, placed, self.servers[0].placed))
            return
        names = self._claim(placed) if transport is Transport.TLS else ()
        if names or transport is not Transport.TLS:
            self.servers.append(RunningServer(placed, names))

    def _claim(self, placed: PlacedServer) -> tuple[str, ...]:
        """The names that no earlier server has. AUTO_PASSTHROUGH has names of its own making: they clash with none."""
        made = placed.server.mode is ServerTLSMode.AUTO_PASSTHROUGH
        taken: dict[PlacedServer, list[str]] = {}
        own: list[str] = []
        for name in dict.fromkeys(selector.host for selector in placed.server.hosts):
            owner = self.owners.setdefault((made, name), placed)
            (own if owner is placed else taken.setdefault(owner, [])).append(name)
        self.conflicts += (Conflict(ConflictKind.NAMES, placed, owner, tuple(names)) for owner, names in taken.items())
        return tuple(own)

    def done(self) -> ListeningPort:
        return ListeningPort(self.number, self.bind, tuple(_over_quic(self.servers)))


def _over_quic(servers: list[RunningServer]) -> Iterator[RunningServer]:
    """A server whose wildcard covers a name of one that is not spoken to over QUIC is not either: whoever asks for that
    name there would get to the wrong server, past the certificate that it may have to show."""
    if not any(each.placed.http3 for each in servers):
        yield from servers
        return
    kept = [name for each in servers if not each.placed.http3 for name in each.server_names]
    for each in servers:
        shadows = any(host_matches(name, other) for name in each.server_names for other in kept)
        yield replace(each, placed=replace(each.placed, http3=False)) if each.placed.http3 and shadows else each


def _hidden_addresses(drafts: list[_Draft]) -> Iterator[Conflict]:
    """The system gives a connection to the most specific listener: servers on every address do not see it."""
    everywhere = {draft.number: draft.servers[0].placed for draft in drafts if not draft.bind}
    for draft in drafts:
        if draft.bind and draft.number in everywhere:
            yield Conflict(ConflictKind.ADDRESS, everywhere[draft.number], draft.servers[0].placed)
