"""Certificates that hold and are not accepted any more, at either end of a connection."""

from __future__ import annotations

from functools import partial

import pytest

from e2e.mtls.world import CLIENT, HTTP, REFUSED, World
from xds.ca.keyed import KeyedSvid, keyed_svid
from xds.model.identity import SpiffeId

pytestmark = pytest.mark.asyncio(loop_scope="session")

OTHER = SpiffeId.of_workload("cluster.local", "default", "other")


def serial(svid: KeyedSvid) -> int:
    return svid.issued.certificate.serial_number


async def test_a_client_is_refused_once_its_certificate_is_revoked_and_nobody_else(world: World) -> None:
    world.policy(mtls={"mode": "STRICT"})
    bad, good = keyed_svid(world.authority, OTHER), keyed_svid(world.authority, OTHER)
    await world.until(partial(world.with_certificate, bad), str(OTHER))
    world.authority.revoke_certificate(serial(bad))
    await world.until(partial(world.with_certificate, bad), REFUSED)
    assert await world.with_certificate(good) == str(OTHER)
    assert await world.by_proxy(HTTP) == str(CLIENT)


async def test_it_stays_refused_under_another_root(world: World) -> None:
    world.policy(mtls={"mode": "STRICT"})
    bad, good = keyed_svid(world.authority, OTHER), keyed_svid(world.authority, OTHER)
    world.authority.revoke_certificate(serial(bad))
    await world.until(partial(world.with_certificate, bad), REFUSED)
    await world.renewed("ROOTCA", world.authority.prepare)
    await world.renewed("default", world.authority.activate)
    assert await world.with_certificate(bad) == REFUSED
    assert await world.with_certificate(good) == str(OTHER)
    assert await world.with_certificate(keyed_svid(world.authority, OTHER)) == str(OTHER)
    assert await world.by_proxy(HTTP) == str(CLIENT)


async def test_what_the_control_plane_gave_a_proxy_is_replaced_when_it_is_revoked(world: World) -> None:
    world.policy(mtls={"mode": "STRICT"})
    await world.until(partial(world.by_proxy, HTTP), str(CLIENT))
    for proxy in (world.client, world.server):
        before = await world.shown_serial(proxy)
        world.authority.revoke_certificate(before)
        await world.until_other_serial(proxy, before)
        await world.until(partial(world.by_proxy, HTTP), str(CLIENT))
