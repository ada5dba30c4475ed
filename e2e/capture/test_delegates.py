"""Rules that are left to other VirtualServices, and connections told apart by their source."""

from __future__ import annotations

import pytest

from e2e.capture.mesh import CaptureMesh
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="session")


@proves("VirtualService", "spec.http.delegate.name", "spec.http.delegate.namespace")
async def test_the_rules_of_delegates_are_in_force_within_those_that_name_them(mesh: CaptureMesh) -> None:
    cart = await mesh.client.get("http://delegating:9080/cart/items/1")
    others = [await mesh.client.get(f"http://delegating:9080{path}") for path in ("/cart", "/account", "/")]

    assert (cart.instance, cart.headers["x-from"]) == ("reviews-v2", "user")
    assert [reply.instance for reply in others] == ["reviews-v1"] * 3
    assert all("x-from" not in reply.headers for reply in others)


@proves("VirtualService", "spec.tcp.match.sourceSubnet")
async def test_connections_are_routed_by_where_they_come_from(mesh: CaptureMesh) -> None:
    near = {(await mesh.client.say("near", 9000, "hello"))[0] for _ in range(4)}
    far = {(await mesh.callers["reviews-v1"].say("near", 9000, "hello"))[0] for _ in range(4)}

    assert (near, far) == ({"reviews-v2 hello"}, {"reviews-v1 hello"})
