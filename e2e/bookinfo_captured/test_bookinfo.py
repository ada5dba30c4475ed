"""The shop through its front door, from outside of the mesh."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from e2e.bookinfo_captured.shop import FRONT_DOOR, ISSUER, SHOP
from e2e.netmesh import NetMesh
from e2e.shop_page import Page, all_reviews_to
from e2e.waiting import answered
from e2e.wire import tapped
from examples.bookinfo.services.login import USER_COOKIE
from examples.bookinfo.topology import SERVICE_PORT

pytestmark = pytest.mark.asyncio(loop_scope="session")

BY_NAME = {member.name: member for member in SHOP.members}
PAGES = f"http://{BY_NAME['ingressgateway'].ip}:{FRONT_DOOR}"
RATINGS = f"{PAGES}/api/v1/products/0/ratings"
_LIVE_SECONDS = 30.0


async def seen(session: aiohttp.ClientSession, user: str | None = None) -> tuple[str, str]:
    """Of which version the reviews are, and of which colour the stars: empty where there are none."""
    headers = {"cookie": f"{USER_COOKIE}={user}"} if user else {}
    async with session.get(f"{PAGES}/productpage", headers=headers) as response:
        page = Page.of(response.status, await response.text())
    return page.reviews, "".join(sorted(page.stars))


async def status(session: aiohttp.ClientSession, url: str, token: str | None = None) -> int:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    async with session.get(url, headers=headers) as response:
        return response.status


async def until(ask: Callable[[], Awaitable[object]], expected: object) -> None:
    await answered(ask, expected, _LIVE_SECONDS)


async def test_everybody_sees_the_version_that_is_theirs(mesh: NetMesh) -> None:
    async with mesh.session(mesh.hub) as visitor:
        await until(lambda: seen(visitor), ("v1", ""))

        assert await seen(visitor, "jason") == ("v2", "black")


async def test_nothing_can_be_read_on_the_wire_between_workloads(mesh: NetMesh) -> None:
    async with mesh.session(mesh.hub) as visitor, tapped(mesh.hub) as wire:
        await until(lambda: seen(visitor, "jason"), ("v2", "black"))

    flows = wire.of_port(SERVICE_PORT)
    assert flows
    for packets in flows:
        assert not any(b"HTTP/1.1" in packet or b"stars" in packet for packet in packets)
    assert any(b"HTTP/1.1" in packet for flow in wire.of_port(FRONT_DOOR) for packet in flow), "the way in is plain"


async def test_whoever_is_not_of_the_mesh_cannot_speak_to_a_workload(mesh: NetMesh) -> None:
    async with mesh.session(mesh.hub) as stranger:
        for name in ("reviews-v1", "ratings-v1", "details-v1"):
            with pytest.raises(aiohttp.ClientError):
                await stranger.get(f"http://{BY_NAME[name].ip}:{SERVICE_PORT}/reviews/0")


async def test_the_ratings_are_for_whoever_has_a_token(mesh: NetMesh) -> None:
    async with mesh.session(mesh.hub) as visitor:
        async with visitor.get(f"http://{ISSUER}/token") as response:
            token = (await response.text()).strip()
        await until(lambda: status(visitor, RATINGS, token), 200)

        assert await status(visitor, RATINGS) == 403
        assert await status(visitor, RATINGS, f"{token[:-4]}AAAA") == 401


async def test_a_change_is_live_and_costs_no_visitor_anything(mesh: NetMesh) -> None:
    async with mesh.session(mesh.hub) as visitor:
        mesh.write("virtual-services.yaml", all_reviews_to("v3"))
        answers: list[tuple[str, str]] = []
        while not answers or answers[-1] != ("v3", "red"):
            answers.append(await seen(visitor))
            assert len(answers) < 1000
    assert set(answers) <= {("v1", ""), ("v3", "red")}


async def test_envoys_have_a_user_of_their_own(mesh: NetMesh) -> None:
    for name, agent in mesh.agents.items():
        assert _user_of_envoy(agent.pid) != 0, name


def _user_of_envoy(agent: int) -> int:
    """The agent is the leash's child, and Envoy the agent's."""
    todo = [agent]
    while todo:
        pid = todo.pop()
        if Path(f"/proc/{pid}/comm").read_text().strip() == "envoy":
            return Path(f"/proc/{pid}").stat().st_uid
        todo += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    raise AssertionError("no Envoy runs")
