"""Who clients are: their certificates, what they are verified against, names, pins, and what is told of them."""

from __future__ import annotations

import base64
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from e2e.gateway.backends import pem_file
from e2e.gateway.documents import Document, gateway, https_routes, secret, server
from e2e.gateway.yard import Yard, instance, received
from e2e.proofs import proves
from tests.certificates import Authority, Issued

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAME = "shop.example.com"


async def serve(yard: Yard, name: str, tls: Document, *documents: Document) -> int:
    """A server with client certificates; the port is returned."""
    port = yard.ports()
    listening = gateway(name, server(port, "HTTPS", [NAME], tls, yard.front))
    yard.write(name, listening, https_routes(name, [name], [NAME]), *documents)
    return port


def spki(issued: Issued) -> str:
    key = issued.certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(sha256(key).digest()).decode()


def fingerprint(issued: Issued) -> str:
    return sha256(issued.certificate.public_bytes(Encoding.DER)).hexdigest()


async def test_a_client_has_to_show_a_certificate_and_its_name_goes_on(yard: Yard) -> None:
    credential = yard.certificate("mutual", NAME, ca_crt=yard.clients.pem)
    port = await serve(yard, "mutual", {"mode": "MUTUAL", "credentialName": "mutual"}, credential)
    await yard.serves(port, NAME, yard.caller("alice"))

    details = received(await yard.get(port, NAME, caller=yard.caller("alice")))["x-forwarded-client-cert"]
    assert 'Subject="CN=alice"' in details
    assert "DNS=alice" in details
    assert "Cert=" in details
    assert await yard.refused(port, NAME)
    assert await yard.refused(port, NAME, yard.caller("eve", Authority("others")))


async def test_a_client_may_show_a_certificate(yard: Yard) -> None:
    credential = yard.certificate("optional", NAME, ca_crt=yard.clients.pem)
    port = await serve(yard, "optional", {"mode": "OPTIONAL_MUTUAL", "credentialName": "optional"}, credential)
    await yard.serves(port, NAME)

    assert "x-forwarded-client-cert" not in received(await yard.get(port, NAME))
    shown = received(await yard.get(port, NAME, caller=yard.caller("alice")))
    assert 'Subject="CN=alice"' in shown["x-forwarded-client-cert"]
    assert await yard.refused(port, NAME, yard.caller("eve", Authority("others")))


@proves("Gateway", "spec.servers.tls.caCertCredentialName", "spec.servers.tls.subjectAltNames")
async def test_an_authority_of_its_own_and_names_of_clients(yard: Yard) -> None:
    tls = {"mode": "MUTUAL", "credentialName": "named", "caCertCredentialName": "staff", "subjectAltNames": ["alice"]}
    staff = secret("staff-cacert", ca_crt=yard.clients.pem)
    port = await serve(yard, "named", tls, yard.certificate("named", NAME), staff)
    await yard.serves(port, NAME, yard.caller("alice"))

    assert await yard.refused(port, NAME, yard.caller("bob"))


@proves("Gateway", "spec.servers.tls.verifyCertificateSpki", "spec.servers.tls.verifyCertificateHash")
async def test_pins(yard: Yard) -> None:
    credential = yard.certificate("pinned", NAME, ca_crt=yard.clients.pem)
    pins = {
        "verifyCertificateSpki": [spki(yard.clients.issue("alice"))],
        "verifyCertificateHash": [fingerprint(yard.clients.issue("carol"))],
    }
    port = await serve(yard, "pinned", {"mode": "MUTUAL", "credentialName": "pinned", **pins}, credential)

    await yard.serves(port, NAME, yard.caller("alice"))
    assert instance(await yard.get(port, NAME, caller=yard.caller("carol"))) == "v1"
    assert await yard.refused(port, NAME, yard.caller("bob"))


@proves("Gateway", "spec.servers.tls.insecureSkipVerify")
async def test_whatever_certificate_is_shown(yard: Yard) -> None:
    credential = yard.certificate("anyone", NAME, ca_crt=yard.clients.pem)
    tls = {"mode": "MUTUAL", "credentialName": "anyone", "insecureSkipVerify": True}
    port = await serve(yard, "anyone", tls, credential)

    await yard.serves(port, NAME, yard.caller("eve", Authority("others")))
    assert await yard.refused(port, NAME)


@proves("Gateway", "spec.servers.tls.serverCertificate", "spec.servers.tls.privateKey", "spec.servers.tls.caCrl")
@proves("Gateway", "spec.servers.tls.caCertificates")
async def test_files_of_the_proxy(yard: Yard) -> None:
    folder = yard.lab.folder
    pair = str(pem_file(yard.authority.issue("from-files", NAME), folder / "server.pem"))
    (folder / "clients.pem").write_text(yard.clients.pem)
    (folder / "revoked.pem").write_text(yard.clients.revoke(yard.clients.issue("mallory")))
    of_clients = {"caCertificates": str(folder / "clients.pem"), "caCrl": str(folder / "revoked.pem")}
    port = await serve(yard, "files", {"mode": "MUTUAL", "serverCertificate": pair, "privateKey": pair, **of_clients})

    await yard.serves(port, NAME, yard.caller("alice"))
    assert await yard.refused(port, NAME, yard.caller("mallory"))
    assert await yard.refused(port, NAME)


@proves("Gateway", "spec.servers.tls.tlsCertificates.serverCertificate", "spec.servers.tls.tlsCertificates.privateKey")
async def test_a_list_of_files(yard: Yard) -> None:
    pair = str(pem_file(yard.authority.issue("listed", NAME), yard.lab.folder / "listed.pem"))
    certificates = [{"serverCertificate": pair, "privateKey": pair}]
    port = await serve(yard, "listed", {"mode": "SIMPLE", "tlsCertificates": certificates})

    await yard.serves(port, NAME)
