"""Which instance gets a request, as far as a client can see it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pytest

from e2e.policy.mesh import PolicyMesh, document
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEYS = [f"user-{number}" for number in range(40)]
"""So many that a hash that sends them all to one of three instances would be broken."""

RING, MAGLEV = {"ringHash": {"minimumRingSize": 1024}}, {"maglev": {"tableSize": 1009}}


def hashing(key: Mapping[str, object], algorithm: Mapping[str, object]) -> object:
    return {"loadBalancer": {"consistentHash": {**key, **algorithm}}}


@proves("DestinationRule", "spec.trafficPolicy.loadBalancer.simple")
async def test_round_robin_takes_turns(mesh: PolicyMesh) -> None:
    await mesh.add("turns", {"loadBalancer": {"simple": "ROUND_ROBIN"}}, await mesh.three())
    seen = Counter([(await mesh.ask("turns")).instance for _ in range(30)])
    assert seen == {"a": 10, "b": 10, "c": 10}


@pytest.mark.parametrize("simple", ["RANDOM", "LEAST_REQUEST", "UNSPECIFIED"])
async def test_everyone_gets_something(mesh: PolicyMesh, simple: str) -> None:
    name = simple.lower().replace("_", "-")
    await mesh.add(name, {"loadBalancer": {"simple": simple}}, await mesh.three())
    assert {(await mesh.ask(name)).instance for _ in range(200)} == {"a", "b", "c"}


@proves("DestinationRule", "spec.trafficPolicy.loadBalancer.consistentHash.httpHeaderName")
@pytest.mark.parametrize("algorithm", [RING, MAGLEV], ids=["ring", "maglev"])
async def test_a_header_decides(mesh: PolicyMesh, algorithm: Mapping[str, object]) -> None:
    name = f"by-header-{next(iter(algorithm)).lower()}"
    await mesh.add(name, hashing({"httpHeaderName": "x-user"}, algorithm), await mesh.three())

    async def round_of() -> list[object]:
        return [(await mesh.ask(name, headers={"x-user": key})).instance for key in KEYS]

    first = await round_of()
    assert await round_of() == first
    assert set(first) == {"a", "b", "c"}


@proves("DestinationRule", "spec.trafficPolicy.loadBalancer.consistentHash.httpQueryParameterName")
@pytest.mark.parametrize("algorithm", [RING, MAGLEV], ids=["ring", "maglev"])
async def test_a_query_parameter_decides(mesh: PolicyMesh, algorithm: Mapping[str, object]) -> None:
    name = f"by-query-{next(iter(algorithm)).lower()}"
    await mesh.add(name, hashing({"httpQueryParameterName": "user"}, algorithm), await mesh.three())

    async def round_of(path: str) -> list[object]:
        return [(await mesh.ask(name, f"{path}?user={key}")).instance for key in KEYS]

    first = await round_of("/one")
    assert await round_of("/other") == first
    assert set(first) == {"a", "b", "c"}


@proves(
    "DestinationRule",
    "spec.trafficPolicy.loadBalancer.consistentHash.httpCookie.name",
    "spec.trafficPolicy.loadBalancer.consistentHash.httpCookie.path",
    "spec.trafficPolicy.loadBalancer.consistentHash.httpCookie.ttl",
    "spec.trafficPolicy.loadBalancer.consistentHash.httpCookie.attributes.name",
    "spec.trafficPolicy.loadBalancer.consistentHash.httpCookie.attributes.value",
)
async def test_a_cookie_decides_and_is_given_to_who_has_none(mesh: PolicyMesh) -> None:
    attributes = [{"name": "SameSite", "value": "Strict"}, {"name": "Secure"}]
    cookie = {"name": "session", "path": "/shop", "ttl": "3600s", "attributes": attributes}
    await mesh.add("by-cookie", hashing({"httpCookie": cookie}, RING), await mesh.three())

    answer = await mesh.ask("by-cookie")
    pair, *rest = answer.headers["set-cookie"].split("; ")
    assert pair.startswith("session=")
    assert {"Max-Age=3600", "Path=/shop", "SameSite=Strict", "Secure"} <= set(rest)

    again = [await mesh.ask("by-cookie", headers={"cookie": pair}) for _ in range(10)]
    assert {each.instance for each in again} == {answer.instance}
    assert not any("set-cookie" in each.headers for each in again)
    others = {(await mesh.ask("by-cookie", headers={"cookie": f"session={key}"})).instance for key in KEYS}
    assert others == {"a", "b", "c"}


@proves("DestinationRule", "spec.trafficPolicy.loadBalancer.consistentHash.useSourceIp")
async def test_the_source_address_decides(mesh: PolicyMesh) -> None:
    await mesh.add("by-source", hashing({"useSourceIp": True}, RING), await mesh.three())
    sources = [f"127.77.0.{number}" for number in range(1, 41)]

    async def round_of() -> list[object]:
        return [await mesh.ask_from(source, "by-source") for source in sources]

    first = await round_of()
    assert await round_of() == first
    assert set(first) == {"a", "b", "c"}


@proves("DestinationRule", "spec.subsets.name", "spec.subsets.trafficPolicy.loadBalancer.simple")
async def test_a_subset_has_a_balancer_of_its_own(mesh: PolicyMesh) -> None:
    """A hash for everyone, and turns for the subset that the route leads to."""
    instances = await mesh.three()
    subset = {
        "name": "all",
        "labels": {"app": "own-balancer"},
        "trafficPolicy": {"loadBalancer": {"simple": "ROUND_ROBIN"}},
    }
    rule = {
        "host": "own-balancer",
        "trafficPolicy": hashing({"httpHeaderName": "x-user"}, RING),
        "subsets": [subset],
    }
    to = {"destination": {"host": "own-balancer", "subset": "all"}}
    route = {"hosts": ["own-balancer"], "http": [{"route": [to]}]}
    await mesh.add_rule("own-balancer", rule, instances, document("VirtualService", "own-balancer", route))
    seen = Counter([(await mesh.ask("own-balancer", headers={"x-user": "same"})).instance for _ in range(9)])
    assert seen == {"a": 3, "b": 3, "c": 3}
