"""Compares everything that an application meets with what is explained for its sidecar, and for the other end's proxy.

What is explained is followed to the workload: mutual TLS, and who is let in, are part of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from e2e.captured_strict.topology import BY_IPV6, IPS, LEFT_ALONE, MEMBERS, NAMES, RESOLVED_BY_PROXIES
from e2e.explained import Explained
from xds.app.explain.inbound import Arrival, arrival
from xds.app.explain.proxies import Named, proxy_spec
from xds.app.explain.target import Asked, target
from xds.app.offline import proxy_of
from xds.app.store import Store
from xds.explain import Answered, Forwarded, Outcome, explain

End = str | int
"""How a way ends: at an address, with a status, or, if nobody answers, with `NOTHING`."""

NOTHING = ""
_NOT_REACHED = 503
"""What a proxy says of a request whose way ends later on."""

_KNOWN_AS = {**RESOLVED_BY_PROXIES, **BY_IPV6}
_IPS = {member.name: member.ips for member in MEMBERS}
_GATEWAYS = {f"{member.name}.{member.namespace}" for member in MEMBERS if member.capture is None}


@dataclass(frozen=True)
class Witness:
    """Of one sidecar. name: of its workload."""

    explained: Explained
    name: str
    _known: dict[tuple[int, Asked], frozenset[End]] = field(default_factory=dict)

    def http(self, asked: Asked, reply_status: int, _location: str, received: Mapping[str, object]) -> None:
        """A response. received: what the server saw, empty if it was no server of these tests."""
        seen = IPS[str(received["instance"])] if received else reply_status
        self._check(asked, seen, {_NOT_REACHED if end == NOTHING else end for end in self._ends(asked)})

    def tcp(self, scheme: str, host: str, port: int, server_name: str, instance: str) -> None:
        """A connection. instance: who answered on it; empty if nobody did."""
        asked = Asked("", f"{scheme}://{server_name or host}:{port}", address=NAMES.get(host, host))
        self._check(asked, IPS.get(instance, NOTHING), self._ends(asked))

    def _check(self, asked: Asked, seen: End, possible: set[End]) -> None:
        if {asked.address, str(urlsplit(asked.url).port)} & LEFT_ALONE.get(self.name, set()):
            return
        assert not possible or seen in possible, (self.name, asked, seen, possible)

    def _ends(self, asked: Asked) -> set[End]:
        """In every version of the configuration that there was; empty if no listener takes the connection."""
        return {end for store in self.explained.stores for end in self._ends_in(store, asked)}

    def _ends_in(self, store: Store, asked: Asked) -> frozenset[End]:
        key = (id(store), asked)
        if key not in self._known:
            self._known[key] = frozenset(_explained(store, self.name, asked))
        return self._known[key]


def _explained(store: Store, name: str, asked: Asked) -> Iterator[End]:
    spec = proxy_spec(Named(name, "default", ip=_IPS[name], mtls=True), store.mesh)
    aim = target(asked, spec, store.mesh)
    snapshot = store.compile(proxy_of(spec, store.mesh)).snapshot
    found = explain(snapshot, aim.connection, aim.request, through_capture=aim.through_capture)
    for outcome in found.outcomes if found.listener is not None else ():
        arrived = arrival(store, spec, aim, outcome) if isinstance(outcome, Forwarded) else None
        if outcome.share:
            yield from _ends(outcome, arrived)


def _ends(outcome: Outcome, arrived: Arrival | None) -> Iterator[End]:
    """arrived: at the proxy of one of the endpoints, if that has any."""
    if not isinstance(outcome, Forwarded):
        yield outcome.status if isinstance(outcome, Answered) else NOTHING
        return
    addresses = (each.address.rpartition(":")[0] for each in outcome.cluster.endpoints if each.share)
    reached = {_KNOWN_AS.get(address, address) for address in addresses}
    if arrived is None:
        yield from reached
        return
    for inside in arrived.explanation.outcomes:
        at_workload = isinstance(inside, Forwarded) and arrived.workload not in _GATEWAYS
        yield from reached if at_workload else _ends(inside, None)
