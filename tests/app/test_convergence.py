"""Who is affected by a change, who has accepted it, who rejected it: on plain values, with a clock that is set."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from xds.app.convergence import Convergence
from xds.app.convergence_change import MAX_LISTED, Change, Rejection
from xds.app.convergence_object import candidates
from xds.app.store import ChangedObject, Publication
from xds.model.objects import ObjectKey, Origin
from xds.model.proxy import Proxy, ProxyType
from xds.protocol import Acked, ErrorDetail, Nacked, Quarantined, Send, Settled, Subscribed, Variant
from xds.protocol.framing import SotwBatch
from xds.resources import CLUSTER, ROUTE, Resource, ResourceSet, Snapshot, TypeUrl
from xds.server import StatusBoard

A, B = ObjectKey("VirtualService", "default", "a"), ObjectKey("VirtualService", "default", "b")
WHERE = Origin("mesh/a.yaml", 3)
PROXY = Proxy("sidecar~10.0.0.1~a.default~x", ProxyType.SIDECAR, "a", "default", ("10.0.0.1",), "x")


class Figures:
    """Counts what is measured, and adds up seconds."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.seconds: Counter[str] = Counter()
        self.first_and_last: dict[TypeUrl | None, tuple[float, float]] = {}

    def _add(self, name: str, seconds: float) -> None:
        self.counts[name] += 1
        self.seconds[name] += seconds  # type: ignore[assignment]  # a Counter of floats adds as well

    def published(self, waited: float, folded: float) -> None:
        self._add("waited", waited)
        self._add("folded", folded)

    def compiled(self, seconds: float) -> None:
        self._add("compiled", seconds)

    def queued(self, seconds: float) -> None:
        self._add("queued", seconds)

    def type_converged(self, type_url: TypeUrl, seconds: float) -> None:
        self._add(f"type {type_url}", seconds)

    def converged(self, seconds: float) -> None:
        self._add("converged", seconds)

    def finished(self, type_url: TypeUrl | None, first: float, last: float) -> None:
        self.first_and_last[type_url] = (first, last)

    def rejected(self, rejection: Rejection) -> None:
        self.counts["rejected"] += 1


class World:
    """A store's part played by hand."""

    def __init__(self, history: int = 200) -> None:
        self.now = 100.0
        self.generation = 0
        self.figures = Figures()
        self.told: list[Rejection] = []
        self.convergence = Convergence(self.figures, lambda key: WHERE if key == A else None, history, self.told.append)
        self.board = StatusBoard(lambda: self.now, [self.convergence])

    def publish(self, *keys: ObjectKey) -> Change:
        self.generation += 1
        objects = tuple(ChangedObject(key, WHERE, True) for key in keys)
        self.convergence.published(
            Publication(self.generation, self.now - 0.5, self.now, 0.01, frozenset(keys), objects, ())
        )
        return self.convergence.changes[0]

    def client(self, number: int = 1, before: Snapshot | None = None) -> Client:
        """A proxy that has settled on ``before``."""
        client = Client(self, replace(PROXY, id=f"proxy-{number}", name=f"proxy-{number}"))
        if before is not None:
            client.take(before)
            client.settle()
        return client


class Client:
    def __init__(self, world: World, proxy: Proxy) -> None:
        self.world = world
        self.proxy = proxy
        self.status = world.board.opened(proxy, "peer", Variant.SOTW)
        self.has: Snapshot | None = None
        for type_url in (CLUSTER, ROUTE):
            world.board.happened(self.status, Subscribed(type_url, 0, True))

    def take(self, snapshot: Snapshot) -> None:
        self.world.convergence.taken(self.proxy, self.has, snapshot, 0.002, self.world.now)
        self.has = snapshot

    def send(self, type_url: TypeUrl, *resources: Resource) -> None:
        self.world.board.happened(self.status, Send("1", SotwBatch(type_url, resources), resources))

    def ack(self, type_url: TypeUrl = ROUTE) -> None:
        self.world.board.happened(self.status, Acked(type_url, "1", "v"))

    def nack(self, *suspects: Resource) -> None:
        error = ErrorDetail(13, "no good")
        self.world.board.happened(self.status, Nacked(ROUTE, "1", "v", error, suspects))

    def quarantine(self, *resources: Resource) -> None:
        names = tuple(resource.name for resource in resources)
        self.world.board.happened(self.status, Quarantined(ROUTE, names))

    def settle(self) -> None:
        assert self.has is not None
        self.world.board.happened(self.status, Settled(self.has))

    def accept(self, snapshot: Snapshot) -> None:
        self.take(snapshot)
        self.send(ROUTE, *snapshot[ROUTE])
        self.ack()
        self.settle()

    def leave(self) -> None:
        self.world.board.closed(self.status)


def route(key: ObjectKey, body: str) -> Resource:
    return Resource.of(ROUTE, f"route-{key.name}", body.encode(), origins=(key,))


def snapshot(*routes: Resource) -> Snapshot:
    return Snapshot({CLUSTER: ResourceSet({}), ROUTE: ResourceSet.of(routes)})


OLD = snapshot(route(A, "old"), route(B, "old"))
NEW_A = snapshot(route(A, "new"), route(B, "old"))
NEW_BOTH = snapshot(route(A, "new"), route(B, "new"))


def test_an_affected_proxy_has_accepted_when_it_has_answered_and_settled() -> None:
    world = World()
    world.publish()
    client = world.client(before=OLD)
    world.now = 110.0
    change = world.publish(A)
    world.now = 111.0
    client.take(NEW_A)
    client.send(ROUTE, *NEW_A[ROUTE])
    assert (change.affected, change.acks.count) == (1, 0)
    assert world.convergence.pending() == {change: ["proxy-1.default"]}
    world.now = 112.0
    client.ack()
    client.settle()
    assert (change.acks.count, change.acks.first, change.acks.last) == (1, 112.0, 112.0)
    assert (change.types[ROUTE].count, change.types[ROUTE].first) == (1, 112.0)
    assert world.convergence.pending() == {}
    assert world.figures.seconds["queued"] == 1.0
    assert world.figures.seconds[f"type {ROUTE}"] == world.figures.seconds["converged"] == 2.5


def test_a_proxy_that_a_change_does_not_affect_owes_nothing_and_snapshots_are_compared_once() -> None:
    world = World()
    world.publish()
    clients = [world.client(number, OLD) for number in range(3)]
    change = world.publish(A)
    same = snapshot(*OLD[ROUTE])
    for client in clients:
        client.take(same)
    assert change.affected == 0
    assert world.figures.counts["compiled"] == 1
    assert world.convergence.standing(A).pending == ()


def test_changes_that_are_taken_together_are_accepted_together() -> None:
    world = World()
    world.publish()
    client = world.client(before=OLD)
    first, second = world.publish(A), world.publish(B)
    client.accept(NEW_BOTH)
    assert (first.acks.count, second.acks.count) == (1, 1)


def test_a_proxy_that_was_given_up_still_owes_its_answer() -> None:
    world = World()
    world.publish()
    client = world.client(before=OLD)
    change = world.publish(A)
    client.take(NEW_A)
    client.send(ROUTE, *NEW_A[ROUTE])
    client.settle()
    assert change.acks.count == 0
    assert world.convergence.standing(A).pending == ("proxy-1.default",)
    client.ack()
    assert change.acks.count == 1


def test_an_answer_to_an_earlier_response_does_not_count() -> None:
    world = World()
    world.publish()
    client = world.client(before=OLD)
    client.send(ROUTE, *OLD[ROUTE])
    change = world.publish(A)
    client.take(NEW_A)
    client.ack()
    assert ROUTE not in change.types


def test_a_rejection_is_of_the_objects_that_the_change_changed() -> None:
    world = World()
    world.publish()
    client = world.client(before=OLD)
    change = world.publish(A)
    client.take(NEW_A)
    client.send(ROUTE, *NEW_A[ROUTE])
    client.nack(route(A, "new"))
    client.quarantine(route(A, "new"))
    (rejection,) = change.rejections
    assert (rejection.name, rejection.reason, rejection.resources) == ("proxy-1.default", "no good", ("route-a",))
    assert rejection.objects == (ChangedObject(A, WHERE, True),)
    standing = world.convergence.standing(A)
    assert (standing.pending, standing.rejections) == ((), (rejection,))
    assert world.convergence.blamed("proxy-1", ROUTE, ("route-a",)) == rejection.objects


def test_the_first_and_the_last_acceptance_are_measured_once_and_when_there_are_no_more_to_come() -> None:
    world = World()
    world.publish()
    first, second = world.client(1, OLD), world.client(2, OLD)
    world.publish(A)
    first.take(NEW_A)
    world.now = 101.0
    first.accept(NEW_A)
    world.convergence.sum_up()
    assert not world.figures.first_and_last, "the second may come yet"

    world.now = 103.0
    second.take(NEW_A)
    world.convergence.sum_up()
    assert not world.figures.first_and_last, "the second will come"
    second.send(ROUTE, *NEW_A[ROUTE])
    second.ack()
    second.settle()
    world.convergence.sum_up()
    assert world.figures.first_and_last == {None: (1.5, 3.5), ROUTE: (1.5, 3.5)}
    world.figures.first_and_last.clear()
    world.convergence.sum_up()
    assert not world.figures.first_and_last


def test_a_rejection_is_counted_for_each_proxy_and_told_of_the_first() -> None:
    world = World()
    world.publish()
    clients = [world.client(number, OLD) for number in range(3)]
    change = world.publish(A)
    for client in clients:
        client.take(NEW_A)
        client.send(ROUTE, *NEW_A[ROUTE])
        client.nack(route(A, "new"))
        client.quarantine(route(A, "new"))
    assert (world.figures.counts["rejected"], change.rejected) == (3, 3)
    assert world.told == change.rejections[:1]


def test_what_is_suspected_but_accepted_in_the_end_is_not_rejected() -> None:
    world = World()
    world.publish()
    client = world.client(before=OLD)
    of_a, of_b = world.publish(A), world.publish(B)
    good, bad = route(A, "new"), route(B, "new")
    client.take(NEW_BOTH)
    client.send(ROUTE, good, bad)
    client.nack(good, bad)
    client.send(ROUTE, good)
    client.quarantine(bad)
    assert (of_a.rejected, of_b.rejected) == (0, 0)
    client.ack()
    client.send(ROUTE, bad)
    client.quarantine()
    client.nack(bad)
    client.quarantine(bad)
    client.settle()
    assert (of_a.acks.count, of_a.rejected) == (1, 0)
    assert (of_b.acks.count, of_b.rejected) == (0, 1)


def test_what_was_rejected_before_and_is_sent_again_counts_against_no_later_change() -> None:
    world = World()
    world.publish()
    client = world.client(before=OLD)
    later = world.publish(A)
    client.take(NEW_A)
    client.send(ROUTE, *NEW_A[ROUTE])
    client.nack(route(B, "old"))
    client.quarantine(route(B, "old"))
    client.settle()
    assert (later.acks.count, later.rejected) == (1, 0)
    assert [each.resources for each in world.convergence.standing(B).rejections] == [("route-b",)]


def test_a_rejection_stands_until_its_object_changes() -> None:
    world = World()
    world.publish()
    client = world.client(before=OLD)
    world.publish(A, B)
    client.take(NEW_BOTH)
    client.send(ROUTE, *NEW_BOTH[ROUTE])
    client.nack(route(A, "new"))
    client.quarantine(route(A, "new"))
    client.settle()
    assert len(world.convergence.standing(A).rejections) == 1
    world.now += 1
    world.publish(A)
    client.quarantine()
    client.accept(snapshot(route(A, "newer"), route(B, "new")))
    assert world.convergence.standing(A).rejections == ()
    assert world.convergence.standing(B).rejections == ()


def test_a_proxy_that_comes_back_owes_what_it_owed() -> None:
    world = World()
    world.publish()
    client = world.client(before=OLD)
    change = world.publish(A)
    client.take(NEW_A)
    client.leave()
    assert world.convergence.standing(A).pending == ()
    again = world.client()
    assert world.convergence.standing(A).pending == ("proxy-1.default",)
    again.accept(NEW_A)
    assert (change.affected, change.acks.count) == (1, 1)


def test_who_has_not_settled_yet_or_not_looked_may_owe_an_answer() -> None:
    world = World()
    world.publish(A)
    world.client(1)
    ready = world.client(2, OLD)
    assert world.convergence.standing(A).pending == ("proxy-1.default",)
    change = world.publish(A)
    assert world.convergence.unasked(change) == 2
    assert set(world.convergence.standing(A).pending) == {"proxy-1.default", "proxy-2.default"}
    ready.take(snapshot(*OLD[ROUTE]))
    assert world.convergence.standing(A).pending == ("proxy-1.default",)


def test_memory_is_bounded() -> None:
    world = World(history=3)
    world.publish()
    stuck = world.client(before=OLD)
    for number in range(10):
        world.publish(A)
        stuck.take(snapshot(route(A, str(number))))
    assert [change.generation for change in world.convergence.changes] == [11, 10, 9]
    assert [change.generation for change in world.convergence.pending()] == [9, 10, 11]
    clients = [world.client(number, OLD) for number in range(MAX_LISTED + 5)]
    change = world.publish(A)
    for client in clients:
        client.accept(NEW_A)
    assert (change.acks.count, len(change.acked)) == (MAX_LISTED + 5, MAX_LISTED)
    for number in range(2000):
        left = world.client(number, OLD)
        left.take(NEW_A)
        left.leave()
    assert len(world.board.streams) == MAX_LISTED + 6


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("VirtualService/reviews.prod", ["VirtualService/reviews.prod", "VirtualService/reviews.prod.default"]),
        ("virtualservice/reviews", ["VirtualService/reviews.default"]),
        ("vs/a.b.c", ["VirtualService/a.b.c", "VirtualService/a.b.c.default"]),
        ("DR/reviews", ["DestinationRule/reviews.default"]),
        ("se/x", ["ServiceEntry/x.default"]),
        ("gw/x", ["Gateway/x.default"]),
        ("we/x", ["WorkloadEntry/x.default"]),
    ],
)
def test_objects_are_named_as_users_name_them(text: str, expected: list[str]) -> None:
    assert [str(key) for key in candidates(text)] == expected


@pytest.mark.parametrize("text", ["", "reviews", "vs/", "/reviews", "vz/reviews"])
def test_what_names_no_object_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not KIND/NAME\.NAMESPACE|there is no kind 'vz'"):
        candidates(text)
