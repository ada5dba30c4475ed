"""Conformance, state of the world: 54 of the 98 runs.

Wildcard scenarios are for CDS and LDS: 3 scenarios x 2 types. The others are for every type: 5 scenarios x 4 types.
Each of these 26 runs aggregated and on the type's own service: 52. Several types on one stream are possible only on an
aggregated one: CDS with LDS and RDS with EDS, 2 more. The other 44 runs are those of `test_delta`. The scenarios are
those that the public xDS conformance harness has; after each, nothing more may be received.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from itertools import product

import pytest

from tests.features.client import Fixture
from tests.features.conformance.harness import (
    AGGREGATED,
    TRANSPORTS,
    TYPES,
    WILDCARD_TYPES,
    SotwClient,
    World,
    identifier,
    sotw_client,
)
from xds.resources import CLUSTER, LISTENER, TypeUrl

Scenario = Callable[[World, SotwClient, TypeUrl], Awaitable[None]]


async def wildcard(world: World, client: SotwClient, url: TypeUrl) -> None:
    world.has(url, A="1", B="1", C="1")
    await client.subscribe(url)
    assert await client.received(url) == {"A": "1", "B": "1", "C": "1"}


async def wildcard_update(world: World, client: SotwClient, url: TypeUrl) -> None:
    await wildcard(world, client, url)
    world.has(url, A="2")
    assert await client.received(url) == {"A": "2", "B": "1", "C": "1"}


async def wildcard_add(world: World, client: SotwClient, url: TypeUrl) -> None:
    await wildcard(world, client, url)
    world.has(url, D="2")
    assert await client.received(url) == {"A": "1", "B": "1", "C": "1", "D": "2"}


async def subset(world: World, client: SotwClient, url: TypeUrl) -> None:
    world.has(url, A="1", B="1", C="1", D="1")
    await client.subscribe(url, "B", "D")
    assert await client.received(url) == {"B": "1", "D": "1"}


async def subset_update(world: World, client: SotwClient, url: TypeUrl) -> None:
    await subset(world, client, url)
    world.has(url, A="2")
    world.has(url, B="2")
    assert await client.received(url) == _with_unchanged(url, {"B": "2"}, {"D": "1"})


async def missing_then_created(world: World, client: SotwClient, url: TypeUrl) -> None:
    world.has(url, A="1", B="1")
    await client.subscribe(url, "A", "Z")
    assert await client.received(url) == {"A": "1"}
    world.has(url, Z="2")
    assert await client.received(url) == _with_unchanged(url, {"Z": "2"}, {"A": "1"})


async def unsubscribe_some(world: World, client: SotwClient, url: TypeUrl) -> None:
    await subset(world, client, url)
    await client.subscribe(url, "B")
    await world.subscribed(url, 1)
    world.has(url, B="2", D="2")
    assert await client.received(url) == {"B": "2"}


async def unsubscribe_all(world: World, client: SotwClient, url: TypeUrl) -> None:
    await subset(world, client, url)
    await client.subscribe(url)
    await world.subscribed(url, 0)
    world.has(url, B="2", D="2")


def _with_unchanged(url: TypeUrl, changed: dict[str, str], unchanged: dict[str, str]) -> dict[str, str]:
    """Clusters and listeners are sent in full, because those that are absent are deleted; of other types, changes."""
    return {**changed, **unchanged} if url in (CLUSTER, LISTENER) else changed


SCENARIOS: tuple[tuple[Scenario, tuple[str, ...]], ...] = (
    (wildcard, WILDCARD_TYPES),
    (wildcard_update, WILDCARD_TYPES),
    (wildcard_add, WILDCARD_TYPES),
    (subset, tuple(TYPES)),
    (subset_update, tuple(TYPES)),
    (missing_then_created, tuple(TYPES)),
    (unsubscribe_some, tuple(TYPES)),
    (unsubscribe_all, tuple(TYPES)),
)


def _runs() -> Iterator[object]:
    for scenario, kinds in SCENARIOS:
        for transport, kind in product(TRANSPORTS, kinds):
            yield pytest.param(transport, TYPES[kind], scenario, id=identifier("sotw", transport, kind, scenario))


@pytest.mark.parametrize(("transport", "url", "scenario"), list(_runs()))
async def test_conformance(xds: Fixture, transport: str, url: TypeUrl, scenario: Scenario) -> None:
    async with sotw_client(xds, transport, url) as client:
        await scenario(World(xds), client, url)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(TYPES[first], TYPES[second], id=f"sotw-ads-{first}+{second}-several-types")
        for first, second in (("CDS", "LDS"), ("RDS", "EDS"))
    ],
)
async def test_several_types(xds: Fixture, first: TypeUrl, second: TypeUrl) -> None:
    world = World(xds)
    for url in (first, second):
        world.has(url, A="1", B="1", C="1")
    async with sotw_client(xds, AGGREGATED, first) as client:
        for url in (first, second):
            await client.subscribe(url, "B")
            assert await client.received(url) == {"B": "1"}
        world.has(first, B="2")
        assert await client.received(first) == {"B": "2"}
