"""What stands between the store and the streams: snapshots whose resources are refused by a validator of the test's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace

import pytest

from xds.app.preflight import Admitted, Preflight
from xds.app.preflight_examination import Budget
from xds.model.proxy import Proxy, ProxyType
from xds.resources import CLUSTER, Resource, ResourceSet, Snapshot, TypeUrl
from xds.server import BroadcastSource, Subscription

PROXY = Proxy("sidecar~127.0.0.1~a.default~x", ProxyType.SIDECAR, "a", "default", ("127.0.0.1",), "x")


def snapshot(**clusters: str) -> Snapshot:
    """Clusters by name, each with its content; one whose content begins with ``bad`` is refused."""
    return Snapshot({CLUSTER: ResourceSet.of(_cluster(name, body) for name, body in clusters.items())})


def _cluster(name: str, body: str) -> Resource:
    return Resource.of(CLUSTER, name, body.encode())


def contents(snapshot: Snapshot | None) -> dict[str, str] | None:
    return None if snapshot is None else {each.name: each.body.decode() for each in snapshot[CLUSTER]}


@dataclass
class Bench:
    """A `Preflight` that runs in front of ``source``, and everything that happens at its borders."""

    source: BroadcastSource = field(default_factory=BroadcastSource)
    asked: list[set[str]] = field(default_factory=list)
    refusals: list[list[tuple[str, str]]] = field(default_factory=list)
    checked_proxies: list[Proxy] = field(default_factory=list)
    passed: list[tuple[int, str]] = field(default_factory=list)
    error: Exception | None = None

    def __post_init__(self) -> None:
        self.preflight = Preflight(self.source, self.validate, self, Budget(questions=10))
        self.woken = asyncio.Event()

    async def validate(self, resources: Sequence[Resource]) -> str | None:
        self.asked.append({resource.name for resource in resources})
        if self.error:
            raise self.error
        await asyncio.sleep(0)
        return "it is bad" if any(resource.body.startswith(b"bad") for resource in resources) else None

    def checking(self, proxy: Proxy) -> None:
        self.checked_proxies.append(proxy)

    def admitted(self, proxy: Proxy, admitted: Admitted) -> None:
        assert proxy is PROXY
        self.refusals.append([(refusal.resource.name, refusal.reason) for refusal in admitted.refusals])

    def unchecked(self, count: int, reason: str) -> None:
        self.passed.append((count, reason))

    def connect(self) -> Subscription:
        return self.preflight.connect(PROXY, self.woken.set)

    async def publish(self, stream: Subscription, published: Snapshot) -> dict[str, str] | None:
        """What the stream has of a snapshot once that has been checked."""
        self.source.publish(published)
        stream.latest()
        await self.checked()
        return contents(stream.latest())

    async def checked(self) -> None:
        """Returns when a stream is woken again: what it asked for has been checked."""
        self.woken.clear()
        async with asyncio.timeout(5):
            await self.woken.wait()


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    running = asyncio.create_task(bench.preflight.run())
    yield bench
    running.cancel()


async def test_a_stream_gets_a_snapshot_when_it_has_been_checked_and_not_before(bench: Bench) -> None:
    stream = bench.connect()
    assert stream.latest() is None
    first, second = snapshot(a="1"), snapshot(a="2")

    bench.source.publish(first)
    assert stream.latest() is None
    await bench.checked()
    assert stream.latest() is first

    bench.source.publish(second)
    assert stream.latest() is first
    await bench.checked()
    assert stream.latest() is second


async def test_only_what_changed_is_asked_about_and_the_same_content_never_again(bench: Bench) -> None:
    stream, other = bench.connect(), bench.connect()
    await bench.publish(stream, snapshot(a="1", b="1"))
    await bench.publish(stream, snapshot(a="1", b="2"))
    await bench.publish(stream, snapshot(a="1", b="1"))
    await bench.publish(other, snapshot(a="1", b="2"))

    assert bench.asked == [{"a", "b"}, {"b"}]


async def test_a_snapshot_that_was_checked_for_one_stream_goes_to_the_next_at_once(bench: Bench) -> None:
    await bench.publish(bench.connect(), published := snapshot(a="1"))

    assert bench.connect().latest() is published


async def test_what_is_refused_stays_as_it_was_and_everything_else_goes_on(bench: Bench) -> None:
    stream = bench.connect()
    await bench.publish(stream, snapshot(a="1", b="1", c="1"))

    assert await bench.publish(stream, snapshot(a="bad", b="2", d="bad too")) == {"a": "1", "b": "2"}
    assert await bench.publish(stream, snapshot(a="bad", b="3")) == {"a": "1", "b": "3"}
    assert bench.refusals == [[], [("a", "it is bad"), ("d", "it is bad")], [("a", "it is bad")]]


async def test_what_was_admitted_is_told_when_the_stream_takes_it_and_once(bench: Bench) -> None:
    stream = bench.connect()
    assert bench.checked_proxies == [PROXY]
    bench.source.publish(snapshot(a="bad"))
    stream.latest()
    await bench.checked()
    assert bench.refusals == []

    stream.latest()
    stream.latest()
    assert bench.refusals == [[("a", "it is bad")]]


async def test_what_is_refused_is_put_right_by_other_content(bench: Bench) -> None:
    stream = bench.connect()
    await bench.publish(stream, snapshot(a="1"))
    await bench.publish(stream, snapshot(a="bad"))

    assert await bench.publish(stream, snapshot(a="2")) == {"a": "2"}


async def test_a_proxy_that_comes_back_keeps_what_it_had(bench: Bench) -> None:
    first = bench.connect()
    await bench.publish(first, snapshot(a="1"))
    first.close()

    assert await bench.publish(bench.connect(), snapshot(a="bad", b="2")) == {"a": "1", "b": "2"}


async def test_a_check_that_cannot_be_made_holds_up_nothing_and_is_told(bench: Bench) -> None:
    bench.error = FileNotFoundError("no envoy")
    stream = bench.connect()

    assert await bench.publish(stream, snapshot(a="bad")) == {"a": "bad"}
    assert bench.passed == [(1, "FileNotFoundError: no envoy")]


async def test_what_the_budget_does_not_suffice_for_goes_out_unchecked_and_is_told(bench: Bench) -> None:
    stream = bench.connect()
    many = {f"n{number}": f"bad {number}" for number in range(64)}

    given = await bench.publish(stream, snapshot(**many))

    assert given is not None
    assert len(bench.asked) == 10
    assert len(given) == 64 - len(bench.refusals[-1])
    assert bench.passed == [(len(given), "the budget does not suffice")]


async def test_types_that_a_static_configuration_cannot_hold_are_passed_on(bench: Bench) -> None:
    other = Snapshot({TypeUrl("type.example.com/Other"): ResourceSet.of([_cluster("a", "bad")])})
    bench.source.publish(other)
    stream = bench.connect()
    stream.latest()
    await bench.checked()

    assert stream.latest() is other
    assert not bench.asked


async def test_a_stream_that_has_ended_is_not_woken(bench: Bench) -> None:
    stream = bench.connect()
    bench.source.publish(snapshot(a="1"))
    stream.latest()
    stream.close()
    bench.woken.clear()
    await asyncio.sleep(0.01)

    assert not bench.woken.is_set()
    assert not bench.asked


async def test_nothing_is_checked_for_a_grpc_client(bench: Bench) -> None:
    stream = bench.preflight.connect(replace(PROXY, proxyless=True), bench.woken.set)
    bench.source.publish(snapshot(a="bad for an Envoy"))
    assert contents(stream.latest()) == {"a": "bad for an Envoy"}
    assert not bench.asked
