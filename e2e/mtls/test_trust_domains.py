"""Other names of the mesh's trust domain, and another trust domain that is federated."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from e2e.mtls.world import CLIENT, FEDERATED, HTTP, REFUSED, World
from e2e.proofs import proves
from xds.app.security import open_authority
from xds.ca.authority import Authority, issue
from xds.ca.clock import Moment
from xds.ca.encoding import key_pem
from xds.ca.keyed import KeyedSvid, keyed_svid, new_request
from xds.ca.spiffe_bundle import own_bundle
from xds.model.identity import SpiffeId

pytestmark = pytest.mark.asyncio(loop_scope="session")

STRICT = {"mode": "STRICT"}
OLD = SpiffeId.of_workload("old.example", "default", "client")
THEIRS = SpiffeId.of_workload(FEDERATED, "default", "client")


def signed(by: Authority, identity: SpiffeId) -> KeyedSvid:
    """Of an authority, for whomever: it would not sign it for a workload that asks."""
    key, at_will = ec.generate_private_key(ec.SECP256R1()), replace(by, trust_domain=identity.trust_domain)
    request, life = new_request(key), timedelta(hours=1)
    issued = issue(at_will, request, identity, life, now=Moment.at(datetime.now(UTC)), serial=x509.random_serial_number)
    return KeyedSvid(issued, life / 2, key_pem(key))


@proves("MeshConfig", "trustDomainAliases")
async def test_a_certificate_may_have_another_name_of_the_trust_domain(world: World) -> None:
    world.policy(mtls=STRICT)
    old = signed(world.authority.active, OLD)
    await world.until(partial(world.by_proxy, HTTP), str(CLIENT))
    assert await world.with_certificate(old) == REFUSED
    world.configure("trustDomainAliases: [old.example]")
    await world.until(partial(world.with_certificate, old), str(OLD))
    assert await world.by_proxy(HTTP) == str(CLIENT)
    world.configure("")
    await world.until(partial(world.with_certificate, old), REFUSED)


async def test_another_trust_domain_is_trusted_with_its_own_names_alone(world: World, tmp_path: Path) -> None:
    world.policy(mtls=STRICT)
    partner = open_authority(tmp_path / "partner", FEDERATED)
    theirs = keyed_svid(partner, THEIRS)
    await world.until(partial(world.by_proxy, HTTP), str(CLIENT))
    assert await world.with_certificate(theirs) == REFUSED
    world.federate(json.dumps(own_bundle(partner.stored)))
    await world.until(partial(world.with_certificate, theirs), str(THEIRS))
    assert await world.with_certificate(signed(partner.active, CLIENT)) == REFUSED
    assert await world.with_certificate(signed(world.authority.active, THEIRS)) == REFUSED
    assert await world.by_proxy(HTTP) == str(CLIENT)

    partner.prepare()
    partner.activate()
    world.federate(json.dumps(own_bundle(partner.stored)))
    await world.until(partial(world.with_certificate, keyed_svid(partner, THEIRS)), str(THEIRS))
    assert await world.with_certificate(theirs) == str(THEIRS)

    bad = keyed_svid(world.authority, CLIENT)
    await world.until(partial(world.with_certificate, bad), str(CLIENT))
    world.authority.revoke_certificate(bad.issued.certificate.serial_number)
    await world.until(partial(world.with_certificate, bad), REFUSED)
    assert await world.with_certificate(theirs) == str(THEIRS)
    assert await world.by_proxy(HTTP) == str(CLIENT)
