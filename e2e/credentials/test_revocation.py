"""Clients whose certificate is revoked: by a list in a Secret or a ConfigMap, which may change at any time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from e2e.credentials.front import GRPC, WEB, Front, server, start, until
from e2e.lab import Lab
from e2e.proofs import proves
from tests.certificates import Authority
from tests.documents import document, secret

ROOT, CLIENTS = Authority("root"), Authority("clients")
SERVER = ROOT.issue("server", WEB, GRPC)
ALICE, MALLORY = CLIENTS.issue("alice"), CLIENTS.issue("mallory")


def in_secret(revoked: str) -> str:
    return secret("front-cacert", authority=CLIENTS, revoked=revoked)


def in_config_map(revoked: str) -> str:
    lists = {"ca.crl": revoked} if revoked else {}
    return document("v1", "ConfigMap", "staff", "default", {"data": {"ca.crt": CLIENTS.pem, **lists}})


async def begin(lab: Lab, authority: str, **tls: str) -> Front:
    lab.write("secret.yaml", secret("front", SERVER))
    lab.write("authority.yaml", authority)
    front = await start(lab, server("front", {"mode": "MUTUAL", "credentialName": "front", **tls}, WEB))
    await front.shows(SERVER, client=ALICE)
    assert await front.shown() is None
    return front


@proves("ConfigMap", "data")
@proves("Gateway", "spec.servers.tls.caCertCredentialName", "spec.servers.tls.credentialName")
@pytest.mark.parametrize("place", ["secret", "config map"])
async def test_a_client_is_revoked_and_allowed_again(lab: Lab, place: str) -> None:
    write = in_secret if place == "secret" else in_config_map
    front = await begin(lab, write(""), **({} if place == "secret" else {"caCertCredentialName": "staff"}))
    assert await front.shown(client=MALLORY) == SERVER.certificate.serial_number

    lab.write("authority.yaml", write(CLIENTS.revoke(MALLORY)))
    await front.shows(None, client=MALLORY)
    assert await front.shown(client=ALICE) == SERVER.certificate.serial_number

    lab.write("authority.yaml", write(CLIENTS.revoke()))
    await front.shows(SERVER, client=MALLORY)


async def test_a_list_of_another_authority_alone_refuses_everybody(lab: Lab) -> None:
    """Which is what the finding says."""
    front = await begin(lab, in_secret(""))
    lab.write("authority.yaml", in_secret(Authority("other").revoke()))
    await front.shows(None, client=ALICE)

    async def told() -> bool:
        async with lab.session.get(f"http://{lab.control_plane}:15014/debug/configz") as response:
            said = [each["reason"] for each in (await response.json())["diagnostics"]]
        return "has no list of CN=clients: no certificate that it issued is accepted" in said

    await until(told, "a finding")


async def test_a_list_that_is_out_of_date_refuses_everybody(lab: Lab) -> None:
    """Which is why lists count as what expires."""
    front = await begin(lab, in_secret(CLIENTS.revoke()))
    lab.write("authority.yaml", in_secret(CLIENTS.revoke(life=timedelta(days=1))))
    await front.shows(None, client=ALICE)
    lab.write("authority.yaml", in_secret(CLIENTS.revoke()))
    await front.shows(SERVER, client=ALICE)


async def test_each_authority_needs_a_list_once_there_is_one(lab: Lab) -> None:
    other = Authority("other")
    bob = other.issue("bob")
    both = CLIENTS.pem + other.pem
    front = await begin(lab, secret("front-cacert", authority=both))
    assert await front.shown(client=bob) == SERVER.certificate.serial_number
    lab.write("authority.yaml", secret("front-cacert", authority=both, revoked=CLIENTS.revoke()))
    await front.shows(None, client=bob)
    assert await front.shown(client=ALICE) == SERVER.certificate.serial_number
    lab.write("authority.yaml", secret("front-cacert", authority=both, revoked=CLIENTS.revoke() + other.revoke()))
    await front.shows(SERVER, client=bob)
