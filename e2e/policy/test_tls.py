"""TLS that a client's proxy originates: who it is, whom it believes, and what name it asks for."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from e2e.policy.instance import Instance
from e2e.policy.mesh import PolicyMesh
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="module")

CERTIFICATES = Path(__file__).with_name("certificates")
NAME = "secure.example.com"
"""What the servers' certificates name."""

CA = {"caCertificates": str(CERTIFICATES / "ca.pem")}
CLIENT = {
    "clientCertificate": str(CERTIFICATES / "client.pem"),
    "privateKey": str(CERTIFICATES / "client.key"),
}


class Server:
    """An instance that speaks TLS, with the names that clients asked for. mutual: they need a certificate."""

    def __init__(self, certificate: str = "server", *, mutual: bool = False) -> None:
        self.names: list[str | None] = []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(CERTIFICATES / f"{certificate}.pem", CERTIFICATES / f"{certificate}.key")
        self.context.sni_callback = self._asked
        if mutual:
            self.context.load_verify_locations(CERTIFICATES / "ca.pem")
            self.context.verify_mode = ssl.CERT_REQUIRED

    def _asked(self, _socket: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        self.names.append(name)

    async def instance(self, mesh: PolicyMesh) -> Instance:
        return await mesh.instance("a", tls=self.context)


def tls(**settings: object) -> object:
    return {"tls": {"mode": "SIMPLE", **settings}}


async def refused(mesh: PolicyMesh, name: str, policy: object, server: Server) -> None:
    """Adds a service with which no connection comes about."""
    instance = await server.instance(mesh)
    mesh.write(name, {"host": name, "trafficPolicy": policy}, [instance])

    async def fails() -> bool:
        return (await mesh.ask(name)).status == 503

    await mesh.until(fails, f"a refusal by {name}")
    assert instance.connections == 0


@proves(
    "DestinationRule",
    "spec.trafficPolicy.tls.mode",
    "spec.trafficPolicy.tls.sni",
    "spec.trafficPolicy.tls.subjectAltNames",
    "spec.trafficPolicy.tls.caCertificates",
)
async def test_names_that_are_given(mesh: PolicyMesh) -> None:
    server = Server()
    await mesh.add("named", tls(**CA, sni="asked.example.com", subjectAltNames=[NAME]), [await server.instance(mesh)])
    assert set(server.names) == {"asked.example.com"}


async def test_the_requests_host_is_asked_for_and_must_be_the_certificates(mesh: PolicyMesh) -> None:
    server = Server()
    await refused(mesh, "unnamed", tls(**CA), server)
    assert set(server.names) == {"unnamed"}
    assert await mesh.cluster_stat("unnamed", "ssl.fail_verify_san") > 0


@proves("DestinationRule", "spec.trafficPolicy.tls.subjectAltNames")
async def test_another_name_is_refused(mesh: PolicyMesh) -> None:
    await refused(mesh, "renamed", tls(**CA, sni=NAME, subjectAltNames=["other.example.com"]), Server())
    assert await mesh.cluster_stat("renamed", "ssl.fail_verify_san") > 0


@proves("DestinationRule", "spec.trafficPolicy.tls.caCrl")
async def test_a_revoked_certificate_is_refused(mesh: PolicyMesh) -> None:
    revocations = {"caCrl": str(CERTIFICATES / "crl.pem")}
    names = {"sni": NAME, "subjectAltNames": [NAME]}
    await mesh.add("valid", tls(**CA, **names, **revocations), [await Server().instance(mesh)])
    await mesh.add("unchecked", tls(**CA, **names), [await Server("revoked").instance(mesh)])
    await refused(mesh, "checked", tls(**CA, **names, **revocations), Server("revoked"))
    assert await mesh.cluster_stat("checked", "ssl.fail_verify_error") > 0


@proves("DestinationRule", "spec.trafficPolicy.tls.insecureSkipVerify")
async def test_verification_can_be_skipped(mesh: PolicyMesh) -> None:
    await mesh.add("skipped", tls(insecureSkipVerify=True), [await Server().instance(mesh)])


@proves("DestinationRule", "spec.trafficPolicy.tls.clientCertificate", "spec.trafficPolicy.tls.privateKey")
async def test_a_client_shows_its_certificate(mesh: PolicyMesh) -> None:
    names = {"sni": NAME, "subjectAltNames": [NAME]}
    mutual = {"tls": {"mode": "MUTUAL", **CA, **CLIENT, **names}}
    await mesh.add("mutual", mutual, [await Server(mutual=True).instance(mesh)])
    await refused(mesh, "one-sided", tls(**CA, **names), Server(mutual=True))


async def test_http2_goes_over_tls(mesh: PolicyMesh) -> None:
    upgraded = {"connectionPool": {"http": {"h2UpgradePolicy": "UPGRADE"}}}
    server = Server()
    server.context.set_alpn_protocols(["h2"])
    instance = await server.instance(mesh)
    await mesh.add("secure-http2", {**upgraded, "tls": {"mode": "SIMPLE", "insecureSkipVerify": True}}, [instance])
    assert (await mesh.ask("secure-http2")).received["protocol"] == "HTTP/2"
