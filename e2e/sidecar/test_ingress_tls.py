"""TLS that ends at a workload's proxy, with certificates of the workload's own."""

from __future__ import annotations

import ssl
from base64 import b64encode
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from e2e.gateway.backends import pem_file
from e2e.gateway.tls_client import REFUSALS, Caller, dialled
from e2e.proofs import proves
from e2e.sidecar.world import World
from tests.certificates import Authority, Issued

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAME = "app.example.com"
APPLICATION = 1000
PORTS = iter(range(6100, 6200))
"""A port for each listener, as those before may still be closing."""


@dataclass(frozen=True)
class Files:
    """What the proxy finds on its disk, and who its clients are."""

    folder: Path
    servers: Authority
    clients: Authority

    def server(self, name: str = "server") -> dict[str, str]:
        """A certificate and its key."""
        issued = self.servers.issue(name, NAME)
        self._write(f"{name}.pem", issued.chain)
        key = self._write(f"{name}.key", issued.key_pem)
        return {"serverCertificate": str(self.folder / f"{name}.pem"), "privateKey": key}

    def mutual(self, **more: object) -> dict[str, object]:
        """TLS whose clients have to show certificates."""
        return {"mode": "MUTUAL", **self.server(), "caCertificates": self._write("ca.pem", self.clients.pem), **more}

    def revoke(self, *revoked: Issued) -> str:
        """A list of what is not good any more."""
        return self._write("crl.pem", self.clients.revoke(*revoked))

    def caller(self, issued: Issued | None = None) -> Caller:
        """A client. issued: the certificate that it shows."""
        own = pem_file(issued, self.folder / "caller.pem") if issued is not None else None
        return Caller(self.servers.pem, own)

    def _write(self, name: str, text: str) -> str:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text)
        return str(path)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path, Authority("servers"), Authority("clients"))


class Door:
    """A port of the server behind TLS."""

    def __init__(self, world: World, port: int) -> None:
        self._address, self._world, self.port = world.server.ip, world, port

    @classmethod
    async def behind(cls, world: World, tls: object, protocol: str = "HTTPS") -> Door:
        """Declares the ingress listener."""
        port = next(PORTS)
        await world.instance("app", world.server.ip, port + APPLICATION)
        listener = {"port": {"number": port, "protocol": protocol}, "defaultEndpoint": f"0.0.0.0:{port + APPLICATION}"}
        world.declare("server", {"ingress": [{**listener, "tls": tls}]})
        return cls(world, port)

    async def answers(self, caller: Caller) -> str:
        """The body of an answer; empty if the client is refused."""
        try:
            async with dialled(self._address, self.port, NAME, caller) as conversation:
                return (await conversation.get(NAME)).body
        except REFUSALS:
            return ""

    async def until_it_answers(self, caller: Caller) -> None:
        async def so() -> bool:
            return "app" in await self.answers(caller)

        await self._world.until(so, f"an answer behind TLS on port {self.port}")


@proves("Sidecar", "spec.ingress.tls.mode", "spec.ingress.tls.serverCertificate", "spec.ingress.tls.privateKey")
async def test_requests_are_seen_in_tls_that_ends_at_the_proxy(world: World, files: Files) -> None:
    door = await Door.behind(world, {"mode": "SIMPLE", **files.server()})
    await door.until_it_answers(files.caller())
    assert "x-request-id" in await door.answers(files.caller())
    assert await door.answers(Caller(Authority("others").pem)) == ""


async def test_connections_in_tls_that_ends_at_the_proxy(world: World, files: Files) -> None:
    door = await Door.behind(world, {"mode": "SIMPLE", **files.server()}, "TLS")
    await door.until_it_answers(files.caller())
    assert "x-request-id" not in await door.answers(files.caller())


@proves("Sidecar", "spec.ingress.tls.mode", "spec.ingress.tls.caCertificates")
async def test_clients_have_to_show_certificates(world: World, files: Files) -> None:
    door = await Door.behind(world, files.mutual())
    await door.until_it_answers(files.caller(files.clients.issue("alice")))
    assert await door.answers(files.caller()) == ""
    assert await door.answers(files.caller(Authority("others").issue("eve"))) == ""


@proves("Sidecar", "spec.ingress.tls.caCrl")
async def test_a_clients_certificate_may_be_revoked(world: World, files: Files) -> None:
    eve = files.clients.issue("eve")
    door = await Door.behind(world, files.mutual(caCrl=files.revoke(eve)))
    await door.until_it_answers(files.caller(files.clients.issue("alice")))
    assert await door.answers(files.caller(eve)) == ""


@proves("Sidecar", "spec.ingress.tls.verifyCertificateSpki")
async def test_a_clients_key_may_be_named(world: World, files: Files) -> None:
    alice = files.clients.issue("alice")
    key = alice.certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    door = await Door.behind(world, files.mutual(verifyCertificateSpki=[b64encode(sha256(key).digest()).decode()]))
    await door.until_it_answers(files.caller(alice))
    assert await door.answers(files.caller(files.clients.issue("eve"))) == ""


@proves("Sidecar", "spec.ingress.tls.verifyCertificateHash")
async def test_a_clients_certificate_may_be_named(world: World, files: Files) -> None:
    alice = files.clients.issue("alice")
    mark = sha256(alice.certificate.public_bytes(Encoding.DER)).hexdigest()
    door = await Door.behind(world, files.mutual(verifyCertificateHash=[mark]))
    await door.until_it_answers(files.caller(alice))
    assert await door.answers(files.caller(files.clients.issue("eve"))) == ""


@proves("Sidecar", "spec.ingress.tls.insecureSkipVerify")
async def test_clients_may_be_believed_whatever_they_show(world: World, files: Files) -> None:
    door = await Door.behind(world, files.mutual(insecureSkipVerify=True))
    await door.until_it_answers(files.caller(Authority("others").issue("eve")))
    assert await door.answers(files.caller()) == ""


@proves("Sidecar", "spec.ingress.tls.minProtocolVersion", "spec.ingress.tls.maxProtocolVersion")
async def test_versions_have_bounds(world: World, files: Files) -> None:
    old = replace(files.caller(), versions=(ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2))
    new = replace(files.caller(), versions=(ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3))
    for bound, good, bad in (("min", "TLSV1_3", old), ("max", "TLSV1_2", new)):
        tls = {"mode": "SIMPLE", **files.server(), f"{bound}ProtocolVersion": good}
        door = await Door.behind(world, tls)
        await door.until_it_answers(new if bad is old else old)
        assert await door.answers(bad) == ""


@proves("Sidecar", "spec.ingress.tls.cipherSuites")
async def test_ciphers_are_chosen(world: World, files: Files) -> None:
    wanted, other = "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"
    old = replace(files.caller(), versions=(ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2))
    door = await Door.behind(world, {"mode": "SIMPLE", **files.server(), "cipherSuites": [wanted]})
    await door.until_it_answers(replace(old, ciphers=wanted))
    assert await door.answers(replace(old, ciphers=other)) == ""
