"""Conformance, delta: 44 of the 98 runs.

The wildcard is for CDS and LDS. 5 scenarios are for every type: subscribing to one after the other, an update, a name
that is missing and created later, a removal and a new creation, and unsubscribing from one after the other until none
is left. Each of these 2 + 5 x 4 = 22 runs aggregated and on the type's own service. The other 54 runs are those of
`test_sotw`. The scenarios are those that the public xDS conformance harness has; after each, nothing more may be
received.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from itertools import product

import pytest

from tests.features.client import Fixture
from tests.features.conformance.harness import (
    TRANSPORTS,
    TYPES,
    WILDCARD_TYPES,
    DeltaClient,
    World,
    delta_client,
    identifier,
)
from xds.resources import TypeUrl

Scenario = Callable[[World, DeltaClient, TypeUrl], Awaitable[None]]


async def wildcard(world: World, client: DeltaClient, url: TypeUrl) -> None:
    world.has(url, A="1", B="1", C="1")
    await client.subscribe(url)
    assert await client.received(url) == ({"A": "1", "B": "1", "C": "1"}, [])


async def subscribe_one_by_one(world: World, client: DeltaClient, url: TypeUrl) -> None:
    world.has(url, A="1", B="1", C="1")
    await client.subscribe(url, "A")
    assert await client.received(url) == ({"A": "1"}, [])
    await client.subscribe(url, "B")
    assert await client.received(url) == ({"B": "1"}, [])


async def update(world: World, client: DeltaClient, url: TypeUrl) -> None:
    world.has(url, A="1", B="1", C="1")
    await client.subscribe(url, "A", "B", "C")
    assert await client.received(url) == ({"A": "1", "B": "1", "C": "1"}, [])
    world.has(url, A="2")
    assert await client.received(url) == ({"A": "2"}, [])


async def missing_then_created(world: World, client: DeltaClient, url: TypeUrl) -> None:
    world.has(url, A="1")
    await client.subscribe(url, "A", "B")
    assert await client.received(url) == ({"A": "1"}, ["B"])
    world.has(url, B="1")
    assert await client.received(url) == ({"B": "1"}, [])


async def remove_then_add(world: World, client: DeltaClient, url: TypeUrl) -> None:
    world.has(url, A="1", B="1")
    await client.subscribe(url, "A", "B")
    assert await client.received(url) == ({"A": "1", "B": "1"}, [])
    world.lacks(url, "B")
    assert await client.received(url) == ({}, ["B"])
    world.has(url, B="2")
    assert await client.received(url) == ({"B": "2"}, [])


async def unsubscribe_one_by_one(world: World, client: DeltaClient, url: TypeUrl) -> None:
    world.has(url, A="1", B="1")
    await client.subscribe(url, "A", "B")
    assert await client.received(url) == ({"A": "1", "B": "1"}, [])
    await client.unsubscribe(url, "B")
    await world.subscribed(url, 1)
    world.has(url, A="2", B="2")
    assert await client.received(url) == ({"A": "2"}, [])
    await client.unsubscribe(url, "A")
    await world.subscribed(url, 0)
    world.has(url, A="3", B="3")


SCENARIOS: tuple[tuple[Scenario, tuple[str, ...]], ...] = (
    (wildcard, WILDCARD_TYPES),
    (subscribe_one_by_one, tuple(TYPES)),
    (update, tuple(TYPES)),
    (missing_then_created, tuple(TYPES)),
    (remove_then_add, tuple(TYPES)),
    (unsubscribe_one_by_one, tuple(TYPES)),
)


def _runs() -> Iterator[object]:
    for scenario, kinds in SCENARIOS:
        for transport, kind in product(TRANSPORTS, kinds):
            yield pytest.param(transport, TYPES[kind], scenario, id=identifier("delta", transport, kind, scenario))


@pytest.mark.parametrize(("transport", "url", "scenario"), list(_runs()))
async def test_conformance(xds: Fixture, transport: str, url: TypeUrl, scenario: Scenario) -> None:
    async with delta_client(xds, transport, url) as client:
        await scenario(World(xds), client, url)
