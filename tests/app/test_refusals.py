"""What is refused before it is sent: whom it is put down to, what it means for changes, and what is found."""

from __future__ import annotations

from tests.app.test_convergence import NEW_A, OLD, A, B, Client, World, route, snapshot
from xds.app.refusals import CODE, Refusal, Refusals, Refused
from xds.model.objects import ObjectKey, Origin
from xds.resources import ROUTE, Resource, Snapshot

C = ObjectKey("VirtualService", "default", "c")
PLACES = {A: Origin("a.yaml", 3), B: Origin("b.yaml", 1)}


def shared(body: str) -> Resource:
    """A route configuration that is made from two objects."""
    return Resource.of(ROUTE, "shared", body.encode(), origins=(A, B))


def checked(world: World, before: Snapshot) -> Client:
    """A proxy whose snapshots are checked, and that has settled on ``before``."""
    client = world.client()
    world.convergence.checking(client.proxy)
    client.take(before)
    admit(client, before)
    client.settle()
    return client


def admit(client: Client, newest: Snapshot, *refused: Resource) -> tuple[Refused, ...]:
    refusals = [Refusal(resource, "no good") for resource in refused]
    return client.world.convergence.admitted(client.proxy, newest, refusals, client.world.now)


def test_what_is_being_checked_is_not_accepted_whatever_the_proxy_answers_meanwhile() -> None:
    world = World()
    world.publish()
    client = checked(world, OLD)
    change = world.publish(A)
    client.take(NEW_A)
    client.send(ROUTE, *OLD[ROUTE])
    client.ack()
    client.settle()
    assert (change.acks.count, world.convergence.standing(A).pending) == (0, ("proxy-1.default",))

    admit(client, NEW_A)
    client.send(ROUTE, *NEW_A[ROUTE])
    client.ack()
    client.settle()
    assert (change.acks.count, world.convergence.standing(A).pending) == (1, ())


def test_a_change_that_is_refused_is_rejected_and_waited_for_no_more() -> None:
    world = World()
    world.publish()
    client = checked(world, OLD)
    change = world.publish(A)
    client.take(NEW_A)
    (refused,) = admit(client, NEW_A, route(A, "new"))

    assert refused.blamed == (A,)
    (rejection,) = change.rejections
    assert (rejection.in_preflight, rejection.reason, rejection.resources) == (True, "no good", ("route-a",))
    assert [changed.key for changed in rejection.objects] == [A]
    standing = world.convergence.standing(A)
    assert (standing.pending, standing.rejections) == ((), (rejection,))
    assert world.convergence.refused(client.proxy) == (rejection,)


def test_who_is_to_blame_stays_so_while_others_change_and_are_held_up() -> None:
    world = World()
    world.publish()
    client = checked(world, snapshot(shared("1")))
    world.publish(A)
    bad = snapshot(shared("2"))
    client.take(bad)
    admit(client, bad, shared("2"))
    later, newest = world.publish(B), snapshot(shared("3"))
    client.take(newest)
    (refused,) = admit(client, newest, shared("3"))

    assert refused.blamed == (A,)
    assert [changed.key for changed in later.rejections[0].objects] == [A]
    assert [changed.key for each in world.convergence.standing(B).rejections for changed in each.objects] == [A]


def test_of_the_same_content_the_same_is_said_to_a_proxy_that_comes_later() -> None:
    world = World()
    world.publish()
    client, newest = checked(world, snapshot(shared("1"))), snapshot(shared("2"))
    world.publish(B)
    client.take(newest)
    admit(client, newest, shared("2"))
    other = world.client(2)
    world.convergence.checking(other.proxy)
    other.take(newest)

    assert [each.blamed for each in admit(other, newest, shared("2"))] == [(B,)]


def test_an_unrelated_change_is_accepted_while_something_is_refused() -> None:
    world = World()
    world.publish()
    client = checked(world, snapshot(shared("1")))
    world.publish(A)
    bad = snapshot(shared("2"))
    client.take(bad)
    admit(client, bad, shared("2"))
    change, newest = world.publish(C), snapshot(shared("2"), route(C, "1"))
    client.take(newest)
    admit(client, newest, shared("2"))
    client.send(ROUTE, route(C, "1"))
    client.ack()
    client.settle()

    assert (change.acks.count, change.rejected) == (1, 0)


def test_a_finding_for_each_object_to_blame_however_many_proxies() -> None:
    refusals = Refusals(PLACES.get)
    refused = (Refused(shared("x"), "no good", (A,), 1.0),)
    assert refusals.stand("1", refused)
    assert not refusals.stand("1", refused)
    refusals.stand("2", refused)

    (finding,) = refusals.diagnostics
    assert str(finding) == (
        "error  a.yaml:3  VirtualService/a.default  Envoy does not accept the RouteConfiguration shared, which is made "
        "from this: no good; proxies keep the last one that it accepts"
    )
    assert finding.code == CODE
    refusals.stand("1", ())
    assert refusals.diagnostics == (finding,)
    refusals.stand("2", ())
    assert not refusals.diagnostics


def test_if_nobody_is_to_blame_it_is_told_of_the_first_object_with_the_number_of_the_others() -> None:
    refusals = Refusals(PLACES.get)
    refusals.stand("1", (Refused(shared("x"), "no", (), 1.0), Refused(Resource.of(ROUTE, "mine", b""), "no", (), 1.0)))

    assert [(str(each.origin), each.object) for each in refusals.diagnostics] == [
        ("a.yaml:3", A),
        ("translators:0", None),
    ]
    assert "made from this and 1 more" in refusals.diagnostics[0].reason


def test_what_a_proxy_that_has_gone_was_refused_is_found_until_its_object_changes() -> None:
    refusals = Refusals(PLACES.get)
    for proxy in ("gone", "here"):
        refusals.stand(proxy, (Refused(shared("x"), "no", (A,), 1.0),))
    refusals.changed({B}, {"here"})
    refusals.stand("here", ())
    assert len(refusals.diagnostics) == 1
    refusals.changed({A}, {"here"})
    assert not refusals.diagnostics


def test_an_object_that_the_reason_mentions_is_the_likeliest() -> None:
    refusals = Refusals(PLACES.get)
    refusals.stand("1", (Refused(shared("x"), "domain b.default.svc.cluster.local is there twice", (), 1.0),))

    assert [finding.object for finding in refusals.diagnostics] == [B]
