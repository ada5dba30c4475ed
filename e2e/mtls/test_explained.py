"""What is explained of mutual TLS is what clients with and without an identity meet."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from e2e.mtls.world import CLIENT, HTTP, NOBODY, OTHER, REFUSED, TCP, World
from translators import DEFAULT
from xds.app.explain.command import explained
from xds.app.explain.proxies import Named
from xds.app.explain.sender import NOTHING_SAID, Sender
from xds.app.explain.target import Asked
from xds.app.offline import Offline
from xds.app.security import open_authority
from xds.app.store import Store
from xds.ca.keyed import keyed_svid
from xds.model.identity import SpiffeId
from xds.model.proxy import CaptureMode
from xds.model.settings import MeshSettings

pytestmark = pytest.mark.asyncio(loop_scope="session")

STRANGER = SpiffeId.of_workload("elsewhere.example", "default", "client")


def _store(world: World) -> Store:
    """The configuration as it is now."""
    offline = Offline(MeshSettings(), DEFAULT)
    offline.read([world.lab.config])
    return offline.store


def _by_proxy(store: Store, port: int) -> str:
    """As whom the server takes the client's proxy, or that it refuses it. The mesh has no object for the client."""
    named = Named("client", "default", capture=CaptureMode.NONE, labels={"app": "client"}, ip="127.0.0.9", mtls=True)
    found: Any = explained(store, named, Asked("GET", f"http://server:{port}/", sender=Sender(str(CLIENT))))
    inbound = found["outcomes"][0]["forwarded"]["inbound"]
    return str(inbound.get("principal", NOBODY)) if "forwarded" in inbound["outcomes"][0] else REFUSED


def _directly(store: Store, port: int, sender: Sender = NOTHING_SAID) -> str:
    """The same of a client without a proxy."""
    named = Named("server", "default", capture=CaptureMode.NONE, mtls=True, asked=True)
    found: Any = explained(store, named, Asked("GET", f"http://server:{port}/", sender=sender))
    return (sender.principal or NOBODY) if "forwarded" in found["outcomes"][0] else REFUSED


@pytest.mark.parametrize(
    ("mode", "port_level", "plain"),
    [
        ("PERMISSIVE", {}, (NOBODY, NOBODY)),
        ("STRICT", {}, (REFUSED, REFUSED)),
        ("STRICT", {"portLevelMtls": {str(OTHER): {"mode": "DISABLE"}}}, (REFUSED, NOBODY)),
    ],
)
async def test_each_mode(world: World, mode: str, port_level: dict[str, object], plain: tuple[str, str]) -> None:
    world.policy(mtls={"mode": mode}, **port_level)
    store = _store(world)
    assert (_directly(store, HTTP), _directly(store, OTHER)) == plain
    for port in (HTTP, OTHER, TCP):
        await world.until(partial(world.in_plain_text, port), _directly(store, port))
    for port in (HTTP, OTHER):
        await world.until(partial(world.by_proxy, port), _by_proxy(store, port))


async def test_identities(world: World, tmp_path: Path) -> None:
    world.policy(mtls={"mode": "STRICT"})
    store = _store(world)
    own, stranger = (_directly(store, HTTP, Sender(str(each))) for each in (CLIENT, STRANGER))
    assert (own, stranger) == (str(CLIENT), REFUSED)
    elsewhere = open_authority(tmp_path / "ca", STRANGER.trust_domain)
    for authority, identity, told in ((world.authority, CLIENT, own), (elsewhere, STRANGER, stranger)):
        await world.until(partial(world.with_certificate, keyed_svid(authority, identity)), told)
