"""A client that keeps to the protocol, and the two queues between it and a stream machine.

It applies what it is sent, rejects every response that holds a resource with ``bad`` in its content, and checks on the
way that no rule of the protocol is broken. Of a response that it rejects it applies nothing, or all that is sound, as
Envoy does the one or the other.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque

from xds.protocol import (
    DeltaRequest,
    Doubts,
    Effect,
    ErrorDetail,
    Request,
    Send,
    Settled,
    Shared,
    SotwRequest,
    Stream,
    Variant,
)
from xds.protocol.sotw import FULL_STATE_TYPES
from xds.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, Reference, Resource, ResourceSet, Snapshot, TypeUrl

WILDCARD_TYPES = (CLUSTER, LISTENER)
NAMED_TYPES = (ENDPOINT, ROUTE)


def resource(type_url: TypeUrl, name: str, content: str = "1", references: tuple[Reference, ...] = ()) -> Resource:
    return Resource.of(type_url, name, content.encode(), references)


def snapshot(*resources: Resource) -> Snapshot:
    types = dict.fromkeys(each.type_url for each in resources)
    return Snapshot({url: ResourceSet.of(each for each in resources if each.type_url == url) for url in types})


class Client(ABC):
    """names: what it subscribes to by name. have: what it was sent, by type and name.

    in_force: the routes in use: sent since they were subscribed, and not dropped by the server since.
    """

    variant: Variant

    def __init__(self, shared: Shared) -> None:
        self.shared = shared
        self.doubts = Doubts()
        self.machine = Stream(self.variant, shared)
        self.names: dict[TypeUrl, set[str]] = {url: set() for url in NAMED_TYPES}
        self.have: dict[TypeUrl, dict[str, Resource]] = {url: {} for url in (*WILDCARD_TYPES, *NAMED_TYPES)}
        self.asked: set[TypeUrl] = set()
        self.latest = Snapshot({})
        self.in_force: set[str] = set()
        self.rejected: set[str] = set()
        self.tells_names = True
        self.applies_rest = False
        self.connect()

    def connect(self) -> None:
        """Begin a new stream; what was under way is lost."""
        self.machine.close()
        self.now = 0.0
        self.machine = Stream(self.variant, self.shared, doubts=self.doubts.of("client"))
        self.requests: deque[Request] = deque()
        self.responses: deque[Send] = deque()
        self.nonces: set[str] = set()
        self.settled: Snapshot | None = None
        asked, self.asked = self.asked | {CLUSTER}, set()
        self.began()
        for url in (CLUSTER, ENDPOINT, LISTENER, ROUTE):
            if url in asked:
                self.ask_first(url)
        self.hear(self.machine.receive_request(self.requests.popleft(), self.now))
        self.publish(self.latest)

    def publish(self, latest: Snapshot) -> None:
        self.latest = latest
        self.in_force &= set(latest[ROUTE].names)
        self.hear(self.machine.receive_snapshot(latest, self.now))

    def ask_first(self, url: TypeUrl) -> None:
        self.asked.add(url)
        self.requests.append(self.first_request(url))

    def ask_wildcard(self, url: TypeUrl) -> None:
        if url not in self.asked:
            self.ask_first(url)

    def set_names(self, url: TypeUrl, names: set[str]) -> None:
        old, self.names[url] = self.names[url], names
        if url == ROUTE:
            self.in_force &= names
        if url in self.asked:
            self.change_names(url, old, names)
        elif names:
            self.ask_first(url)

    def server_reads(self) -> None:
        """The oldest request arrives."""
        if self.requests:
            self.hear(self.machine.receive_request(self.requests.popleft(), self.now))

    def client_reads(self) -> None:
        """The oldest response arrives and is answered."""
        if self.responses:
            send = self.responses.popleft()
            bad = [each for each in send.batch.resources if b"bad" in each.body]
            if bad:
                if self.applies_rest:
                    self.apply(send, {each.name for each in bad})
                self.rejected |= {each.name for each in send.batch.resources if each.type_url == CLUSTER}
                told = ", ".join(each.name for each in bad) if self.tells_names else "something"
                self.answer(send, ErrorDetail(3, f"invalid: {told}"))
            else:
                self.apply(send, set())
                self.rejected -= {each.name for each in send.batch.resources if each.type_url == CLUSTER}
                if send.type_url == ROUTE:
                    self.in_force |= {each.name for each in send.batch.resources} & self.names[ROUTE]
                    self.in_force &= set(self.latest[ROUTE].names) & self.have[ROUTE].keys()
                self.check_references()
                self.answer(send, None)

    def drain(self) -> int:
        """Deliver everything; gives the number of responses that there were."""
        count = 0
        while self.requests or self.responses:
            count += len(self.responses) > 0
            self.client_reads() if self.responses else self.server_reads()
            assert count < 1000, "the conversation does not end"
        return count

    def tick(self, seconds: float) -> None:
        self.now += seconds
        self.hear(self.machine.tick(self.now))

    def hear(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Settled):
                self.settled = effect.snapshot
            if isinstance(effect, Send):
                self.check(effect)
                self.responses.append(effect)

    def check(self, send: Send) -> None:
        assert send.nonce not in self.nonces
        self.nonces.add(send.nonce)
        names = [each.name for each in send.batch.resources]
        assert len(names) == len(set(names)), "one name twice in a response"
        assert not set(names) & set(send.batch.removed), "both sent and removed"

    def check_references(self) -> None:
        """No route in force names a cluster that is not in force, unless the client itself rejected it."""
        leads_to = {self.have[ROUTE][name].body.decode().partition("|")[0][1:] for name in self.in_force}
        missing = leads_to - self.have[CLUSTER].keys() - self.rejected
        assert not missing, f"routes lead to {missing}"

    def check_converged(self) -> None:
        for url in self.asked:
            target = self.latest[url]
            have = {name: each.version for name, each in self.have[url].items() if self.wants(url, name)}
            want = {each.name: each.version for each in target if self.wants(url, each.name)}
            assert self.comparable(url, have, target) == want, url

    def check_quarantine(self, first: Snapshot, before: dict[TypeUrl, dict[str, Resource]]) -> None:
        """It has all that is sound, and of what is not the version that it had before, which is that of ``first``."""
        missing = {
            each.name
            for url in (CLUSTER, ENDPOINT)
            for each in self.latest[url]
            if b"bad" in each.body and each.name not in first[url]
        }
        for url in self.asked:
            for each in self.latest[url]:
                waits = url == ROUTE and each.body.decode()[1] in missing and each.name in before[url]
                if self.wants(url, each.name) and not waits:
                    expected = before[url].get(each.name) if b"bad" in each.body else each
                    assert _version(self.have[url].get(each.name)) == _version(expected), (url, each)

    def check_removals(self) -> None:
        """It has no cluster that is gone, but for those that a route leads to whose newer version it rejected."""
        old = [
            each for name, each in self.have[ROUTE].items() if _version(self.latest[ROUTE].get(name)) != each.version
        ]
        spare = self.have[CLUSTER].keys() - set(self.latest[CLUSTER].names)
        assert spare <= {each.body.decode()[1] for each in old}, spare

    def wants(self, url: TypeUrl, name: str) -> bool:
        return url in WILDCARD_TYPES or name in self.names[url]

    @abstractmethod
    def began(self) -> None: ...

    @abstractmethod
    def first_request(self, url: TypeUrl) -> Request: ...

    @abstractmethod
    def change_names(self, url: TypeUrl, old: set[str], new: set[str]) -> None: ...

    @abstractmethod
    def apply(self, send: Send, bad: set[str]) -> None:
        """Take in a response, but for these names."""

    @abstractmethod
    def answer(self, send: Send, error: ErrorDetail | None) -> None: ...

    @abstractmethod
    def comparable(self, url: TypeUrl, have: dict[str, str], target: ResourceSet) -> dict[str, str]: ...


def _version(resource: Resource | None) -> str:
    return resource.version if resource else ""


class SotwClient(Client):
    """Keeps what it unsubscribed, as it cannot tell whether the server knows."""

    variant = Variant.SOTW

    def began(self) -> None:
        self.nonce: dict[TypeUrl, str] = {}
        self.in_force.clear()
        if not hasattr(self, "version"):
            self.version: dict[TypeUrl, str] = {}

    def first_request(self, url: TypeUrl) -> Request:
        return SotwRequest(url, self._names(url), self.version.get(url, ""))

    def change_names(self, url: TypeUrl, old: set[str], new: set[str]) -> None:
        self.requests.append(SotwRequest(url, self._names(url), self.version.get(url, ""), self.nonce.get(url, "")))

    def apply(self, send: Send, bad: set[str]) -> None:
        url = send.type_url
        fresh = {each.name: each for each in send.batch.resources if each.name not in bad}
        kept = {name: each for name, each in self.have[url].items() if name in bad or url not in FULL_STATE_TYPES}
        self.have[url] = {**kept, **fresh}
        if not bad:
            self.version[url] = send.batch.version

    def answer(self, send: Send, error: ErrorDetail | None) -> None:
        url = send.type_url
        self.nonce[url] = send.nonce
        self.requests.append(SotwRequest(url, self._names(url), self.version.get(url, ""), send.nonce, error))

    def comparable(self, url: TypeUrl, have: dict[str, str], target: ResourceSet) -> dict[str, str]:
        """Absence of endpoints and routes is never said."""
        return have if url in FULL_STATE_TYPES else {name: have[name] for name in have if name in target}

    def _names(self, url: TypeUrl) -> tuple[str, ...]:
        return tuple(sorted(self.names.get(url, ())))


class DeltaClient(Client):
    """Forgets what it unsubscribes. Lists, as Envoy does, what it accepted, whatever it took in of what it rejected."""

    variant = Variant.DELTA

    def began(self) -> None:
        if not hasattr(self, "listed"):
            self.listed: dict[TypeUrl, dict[str, str]] = {url: {} for url in self.have}

    def first_request(self, url: TypeUrl) -> Request:
        versions = dict(self.listed[url])
        return DeltaRequest(url, tuple(sorted(self.names.get(url, ()))), initial_versions=versions)

    def change_names(self, url: TypeUrl, old: set[str], new: set[str]) -> None:
        for name in old - new:
            self.have[url].pop(name, None)
            self.listed[url].pop(name, None)
        self.requests.append(DeltaRequest(url, tuple(sorted(new - old)), tuple(sorted(old - new))))

    def apply(self, send: Send, bad: set[str]) -> None:
        have = self.have[send.type_url]
        for each in send.batch.resources:
            if each.name not in bad and self.wants(send.type_url, each.name):
                have[each.name] = each
        for name in send.batch.removed:
            have.pop(name, None)
        if not bad:
            self.list(send)

    def list(self, send: Send) -> None:
        have, listed = self.have[send.type_url], self.listed[send.type_url]
        listed.update((each.name, each.version) for each in send.batch.resources if each.name in have)
        for name in send.batch.removed:
            listed.pop(name, None)

    def answer(self, send: Send, error: ErrorDetail | None) -> None:
        self.requests.append(DeltaRequest(send.type_url, nonce=send.nonce, error=error))

    def comparable(self, url: TypeUrl, have: dict[str, str], target: ResourceSet) -> dict[str, str]:
        return have
