"""What workloads accept of one another, and of others: PeerAuthentication, identities, and the roots behind them."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from e2e.lab import Sidecar
from e2e.mtls.world import CLIENT, HTTP, NOBODY, OTHER, REFUSED, TCP, World, document
from e2e.proofs import proves
from xds.app.bootstrap import bootstrap
from xds.app.bootstrap_tls import XdsTls
from xds.app.demo.plan import ADMIN_PORT
from xds.app.proxy_spec import ProxySpec
from xds.app.security import open_authority
from xds.ca.authority import issue
from xds.ca.clock import Moment
from xds.ca.encoding import key_pem
from xds.ca.keyed import KeyedSvid, keyed_svid, new_request
from xds.model.identity import SpiffeId
from xds.model.proxy import CaptureMode

pytestmark = pytest.mark.asyncio(loop_scope="session")

STRICT, PERMISSIVE, DISABLE = ({"mode": mode} for mode in ("STRICT", "PERMISSIVE", "DISABLE"))


@proves("PeerAuthentication", "spec.mtls.mode", "spec.selector.matchLabels")
async def test_permissive_takes_both_and_strict_takes_no_plain_text(world: World) -> None:
    world.policy(mtls=PERMISSIVE)
    for port in (HTTP, OTHER, TCP):
        await world.until(partial(world.in_plain_text, port), NOBODY)
    world.policy(mtls=STRICT)
    for port in (HTTP, OTHER, TCP):
        await world.until(partial(world.in_plain_text, port), REFUSED)
    assert [await world.by_proxy(port) for port in (HTTP, OTHER)] == [str(CLIENT)] * 2
    assert await world.over_tcp() == NOBODY


@proves("PeerAuthentication", "spec.portLevelMtls.*.mode")
async def test_a_port_is_an_exception(world: World) -> None:
    world.policy(mtls=STRICT, portLevelMtls={str(OTHER): DISABLE})
    await world.until(lambda: world.in_plain_text(OTHER), NOBODY)
    await world.until(lambda: world.by_proxy(OTHER), NOBODY)
    await world.until(lambda: world.in_plain_text(HTTP), REFUSED)
    assert await world.by_proxy(HTTP) == str(CLIENT)


async def test_nobody_says_himself_who_he_is(world: World) -> None:
    """What a caller writes into the header in which the server's proxy tells it."""
    forged = {
        "x-forwarded-client-cert": "By=spiffe://cluster.local/ns/default/sa/server;URI=spiffe://cluster.local/root"
    }
    world.policy(mtls=PERMISSIVE)
    await world.until(partial(world.in_plain_text, HTTP), NOBODY)
    assert await world.asked(f"http://server:{HTTP}/", headers=forged) == str(CLIENT)
    assert await world.directly(f"http://{world.server.ip}:{HTTP}/", host="server", headers=forged) == NOBODY
    # past its own proxy a workload can write before its name, as gateways do, but not in the place of its name
    own, url = keyed_svid(world.authority, CLIENT), f"https://{world.server.ip}:{HTTP}/"
    told = await world.directly(url, host="server", tls=world.tls(own), headers=forged)
    assert told == f"spiffe://cluster.local/root > {CLIENT}"


async def test_a_proxy_believes_no_control_plane_of_another_authority(world: World, tmp_path: Path) -> None:
    other = open_authority(tmp_path / "ca", "cluster.local")
    svid = keyed_svid(other, CLIENT)
    for name, content in (("chain.pem", svid.chain), ("key.pem", svid.key)):
        (tmp_path / name).write_bytes(content)
    tls = XdsTls(*(str(tmp_path / name) for name in ("ca/root-cert.pem", "chain.pem", "key.pem")))
    address, none = world.lab.addresses.new(), CaptureMode.NONE
    spec = ProxySpec("deceived", "default", address, capture=none, service_account="client")
    await world.lab.run_envoy("deceived", bootstrap(spec, f"{world.lab.control_plane}:15012", ADMIN_PORT, tls=tls))
    deceived = Sidecar(spec, world.lab)

    async def refusals() -> str:
        told = await deceived.admin("/stats?filter=fail_verify_error")
        return "some" if re.search(r"xds-grpc\.ssl\.fail_verify_error: [1-9]", told) else "none"

    await world.until(refusals, "some")
    assert await world.stat(deceived, r"^control_plane\.connected_state$") == 0
    assert await world.stat(deceived, r"^cluster_manager\.cds\.update_success$") == 0


async def test_a_certificate_has_to_be_of_the_mesh_and_in_force(world: World, tmp_path: Path) -> None:
    world.policy(mtls=STRICT)
    await world.until(lambda: world.with_certificate(keyed_svid(world.authority, CLIENT)), str(CLIENT))
    elsewhere = open_authority(tmp_path / "ca", "elsewhere.example")
    stranger = SpiffeId.of_workload("elsewhere.example", "default", "client")
    assert await world.with_certificate(keyed_svid(elsewhere, stranger)) == REFUSED
    namesake = open_authority(tmp_path / "namesake", "cluster.local")
    assert await world.with_certificate(keyed_svid(namesake, CLIENT)) == REFUSED
    assert await world.with_certificate(_expired(world)) == REFUSED


def _expired(world: World) -> KeyedSvid:
    key, past = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC) - timedelta(minutes=10)
    life = timedelta(minutes=5)
    issued = issue(
        world.authority.active, new_request(key), CLIENT, life, now=Moment.at(past), serial=x509.random_serial_number
    )
    return KeyedSvid(issued, life / 2, key_pem(key))


@pytest.mark.parametrize("revoked", ["nothing", "a certificate"])
async def test_a_root_is_replaced_without_a_failed_request(world: World, revoked: str) -> None:
    """With a list of revoked certificates too, although Envoy then wants one of every authority."""
    world.policy(mtls=STRICT)
    if revoked != "nothing":
        await world.renewed("ROOTCA", lambda: world.authority.revoke_certificate(4711))
    world.write("rule", document("networking.istio.io/v1", "DestinationRule", "server", _ONE_REQUEST))
    await world.until(partial(world.in_plain_text, HTTP), REFUSED)
    before, seen, done = world.authority.active.id, list[str](), asyncio.Event()

    async def ask() -> None:
        while not done.is_set():
            seen.append(await world.by_proxy(HTTP))

    asking = asyncio.create_task(ask())
    try:
        for secret, step in (
            ("ROOTCA", world.authority.prepare),
            ("default", world.authority.activate),
            ("ROOTCA", partial(world.authority.revoke, before)),
        ):
            await world.renewed(secret, step)
            await _until_more(seen)
    finally:
        done.set()
        await asking
    assert set(seen) == {str(CLIENT)}


_ONE_REQUEST = {"host": "server", "trafficPolicy": {"connectionPool": {"http": {"maxRequestsPerConnection": 1}}}}
"""So that each needs a handshake."""


async def _until_more(seen: list[str]) -> None:
    """Waits until some more requests have been answered since now."""
    enough = len(seen) + 10
    async with asyncio.timeout(30):
        while len(seen) < enough:  # noqa: ASYNC110 - it is the other task that appends
            await asyncio.sleep(0.02)
