"""The secure address of a control plane: certificates for whoever proves who they are, and streams of theirs."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import grpc  # type: ignore[import-untyped]  # grpcio ships no types
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import Secret
from grpc import aio

from tests.app.test_serve import SERVICE, Server, serving
from tests.ca.kit import REVIEWS, TRUST_DOMAIN, request
from tests.ca.test_service_accounts import EC, NAME, jwks, token
from tests.features.client import ADS, node
from xds.ca.encoding import key_pem
from xds.model.identity import SpiffeId
from xds.resources import CLUSTER, SECRET
from xds.wire.discovery_pb2 import DiscoveryRequest, DiscoveryResponse
from xds.wire.istio_ca_pb2 import IstioCertificateRequest, IstioCertificateResponse
from xds.wire.load_stats_pb2 import LoadStatsRequest

CREATE = "/istio.v1.auth.IstioCertificateService/CreateCertificate"
FETCH = "/envoy.service.status.v3.ClientStatusDiscoveryService/FetchClientStatus"
LRS = "/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats"
STREAM = f"{ADS}/StreamAggregatedResources"
RATINGS = SpiffeId.of_workload(TRUST_DOMAIN, "default", "ratings")


@dataclass
class Secure:
    """A control plane with an authority."""

    server: Server
    folder: Path
    address: str

    @property
    def roots(self) -> bytes:
        return (self.folder / "root-cert.pem").read_bytes()

    def command(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "xds.app.cli", *arguments, "--ca-dir", str(self.folder)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def token(self, identity: SpiffeId = REVIEWS) -> str:
        return self.command("token", "create", "--spiffe-id", str(identity))

    @asynccontextmanager
    async def channel(self, key: bytes | None = None, chain: bytes | None = None) -> AsyncIterator[aio.Channel]:
        credentials = grpc.ssl_channel_credentials(self.roots, key, chain)
        async with aio.secure_channel(self.address, credentials) as channel:
            yield channel

    async def until_others_sign(self, authority: str) -> None:
        async with asyncio.timeout(30):
            while not self._is_old(authority):  # noqa: ASYNC110 - another process writes the log
                await asyncio.sleep(0.05)

    def _is_old(self, authority: str) -> bool:
        changes = [event for event in self.server.events() if event["event"] == "authorities changed"]
        return any(f"{authority} old" in str(change["authorities"]) for change in changes)

    def audit(self) -> list[dict[str, object]]:
        return [event for event in self.server.events() if event["event"] == "certificate issued"]


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Secure]:
    config = tmp_path / "mesh"
    config.mkdir()
    (config / "a.yaml").write_text(SERVICE.replace("NAME", "a"))
    (tmp_path / "keys.json").write_text(jwks(ec=EC))
    issuer = f"{NAME}={tmp_path}/keys.json"
    more = ("--ca-dir", str(tmp_path / "ca"), "--secure-listen", "127.0.0.1:0", "--oidc-issuer", issuer)
    with serving(config, tmp_path / "log", *more) as server:
        (started,) = server.wait_for("serving")
        yield Secure(server, tmp_path / "ca", str(started["secure_xds"]))


async def sign(channel: aio.Channel, csr: str, token: str = "") -> list[str]:
    message = IstioCertificateRequest(csr=csr, validity_duration=3600)
    metadata = [("authorization", f"Bearer {token}")] if token else []
    data = await channel.unary_unary(CREATE)(message.SerializeToString(), metadata=metadata, timeout=10)
    return list(IstioCertificateResponse.FromString(data).cert_chain)


async def joined(secure: Secure, identity: SpiffeId = REVIEWS) -> tuple[bytes, bytes]:
    """Key and chain of a workload that came with a join token."""
    key = ec.generate_private_key(ec.SECP256R1())
    async with secure.channel() as channel:
        chain = await sign(channel, request(str(identity), key=key), secure.token(identity))
    return key_pem(key), "".join(chain[:-1]).encode()


async def first_response(channel: aio.Channel, token: str = "", **metadata: str) -> DiscoveryResponse:
    headers = [("authorization", f"Bearer {token}")] if token else []
    call = channel.stream_stream(STREAM)(metadata=headers, timeout=10)
    who = node("sidecar~127.0.0.1~reviews-1.default~default.svc.cluster.local", NAMESPACE="default", **metadata)
    await call.write(DiscoveryRequest(node=who, type_url=CLUSTER).SerializeToString())
    data = await call.read()
    if data is aio.EOF:
        raise aio.AioRpcError(await call.code(), (), (), await call.details())
    call.cancel()
    return DiscoveryResponse.FromString(data)


def code(caught: pytest.ExceptionInfo[aio.AioRpcError]) -> tuple[str, str]:
    return caught.value.code().name, caught.value.details()


async def test_a_workload_joins_renews_and_gets_its_configuration(secure: Secure) -> None:
    key, chain = await joined(secure)
    async with secure.channel(key, chain) as channel:
        response = await first_response(channel, SERVICE_ACCOUNT="reviews")
        assert b"outbound|80||a.default.svc.cluster.local" in response.SerializeToString()
        again = await sign(channel, request(str(REVIEWS)))
    leaf = x509.load_pem_x509_certificate(again[0].encode())
    assert x509.load_pem_x509_certificate(again[-1].encode()).subject == leaf_root(secure).subject
    # the first to join, one for the stream, and the renewed one
    assert [event["spiffe_id"] for event in secure.audit()] == [str(REVIEWS)] * 3
    assert secure.audit()[-1]["serial"] == f"{leaf.serial_number:x}"


def leaf_root(secure: Secure) -> x509.Certificate:
    return x509.load_pem_x509_certificate(secure.roots)


async def test_a_join_token_holds_once_and_for_its_identity_alone(secure: Secure) -> None:
    token = secure.token()
    async with secure.channel() as channel:
        with pytest.raises(aio.AioRpcError) as caught:
            await sign(channel, request(str(RATINGS)), token)
        assert code(caught)[0] == "INVALID_ARGUMENT"
        assert "the caller has proven to be" in code(caught)[1]
        with pytest.raises(aio.AioRpcError) as caught:
            await sign(channel, request(), token)
        assert code(caught) == ("UNAUTHENTICATED", "the join token is unknown, or was used before")
    assert secure.audit() == []
    assert token not in secure.server.log.read_text()


async def test_a_service_account_proves_itself_as_often_as_it_likes(secure: Secure) -> None:
    shown = token(exp=time.time() + 600, nbf=time.time())
    async with secure.channel() as channel:
        for _ in range(2):
            chain = await sign(channel, request(str(REVIEWS)), shown)
        assert x509.load_pem_x509_certificate(chain[0].encode()).not_valid_after_utc > datetime.now(UTC)
        response = await first_response(channel, shown, SERVICE_ACCOUNT="reviews")
        assert response.type_url == CLUSTER
        with pytest.raises(aio.AioRpcError) as caught:
            await sign(channel, request(), token(exp=time.time() - 600))
        assert code(caught)[0] == "UNAUTHENTICATED"
        assert "token ended at" in code(caught)[1]
    assert shown not in secure.server.log.read_text()


async def test_whoever_proves_nothing_gets_nothing(secure: Secure) -> None:
    async with secure.channel() as channel:
        for attempt in (sign(channel, request()), first_response(channel), sign(channel, request(), "made-up")):
            with pytest.raises(aio.AioRpcError) as caught:
                await attempt
            assert code(caught)[0] == "UNAUTHENTICATED"


async def test_a_node_has_to_be_what_was_proven(secure: Secure) -> None:
    key, chain = await joined(secure, RATINGS)
    async with secure.channel(key, chain) as channel:
        with pytest.raises(aio.AioRpcError) as caught:
            await first_response(channel, SERVICE_ACCOUNT="reviews")
        assert code(caught)[0] == "PERMISSION_DENIED"
        assert "another service account than the node says" in code(caught)[1]
    elsewhere = SpiffeId.of_workload(TRUST_DOMAIN, "elsewhere", "reviews")
    key, chain = await joined(secure, elsewhere)
    async with secure.channel(key, chain) as channel:
        with pytest.raises(aio.AioRpcError) as caught:
            await first_response(channel, SERVICE_ACCOUNT="reviews")
        assert code(caught)[0] == "PERMISSION_DENIED"


async def test_what_tells_of_all_proxies_is_not_told_over_tls_and_reports_need_an_identity(secure: Secure) -> None:
    key, chain = await joined(secure)
    async with secure.channel(key, chain) as known, secure.channel() as unknown:
        for channel in (known, unknown):
            with pytest.raises(aio.AioRpcError) as caught:
                await channel.unary_unary(FETCH)(b"", timeout=10)
            assert code(caught) == ("PERMISSION_DENIED", "FetchClientStatus is served on the plaintext address only")
        refused = unknown.stream_stream(LRS)(timeout=10)
        assert (await refused.code()).name == "UNAUTHENTICATED"
        async with secure.channel(key, chain) as again:
            await first_response(again, SERVICE_ACCOUNT="reviews")
        reporting = known.stream_stream(LRS)(timeout=10)
        await reporting.write(LoadStatsRequest(node=node("sidecar~127.0.0.1~a.default~default")).SerializeToString())
        assert await reporting.read() is not aio.EOF
        reporting.cancel()


async def test_nothing_is_signed_in_plain_text(secure: Secure) -> None:
    async with aio.insecure_channel(secure.server.xds) as channel:
        with pytest.raises(aio.AioRpcError) as caught:
            await sign(channel, request(), secure.token())
        assert code(caught) == ("UNAUTHENTICATED", "this needs TLS: use the secure address")
        response = await first_response(channel)
        assert response.type_url == CLUSTER


async def test_a_root_is_replaced_while_streams_are_open(secure: Secure) -> None:
    key, chain = await joined(secure)
    (old,) = {each["id"] for each in json.loads(secure.command("ca", "status", "-o", "json"))["authorities"]}
    before = secure.roots
    async with secure.channel(key, chain) as channel:
        await first_response(channel)
        secure.command("ca", "prepare")
        secure.command("ca", "activate")
        await secure.until_others_sign(old)
        # the certificate of before is still believed, and what comes after is of the new root
        renewed = await sign(channel, request(str(REVIEWS)))
        assert renewed[-1].encode() != before
        assert renewed[-1].encode() in secure.roots
        assert before in secure.roots
        secure.command("ca", "revoke", old)
        assert before not in secure.roots
        assert (await first_response(channel)).type_url == CLUSTER


async def secrets(channel: aio.Channel, *names: str) -> dict[str, Secret]:
    """What a stream is given of the secrets that it asks for."""
    call = channel.stream_stream(STREAM)(timeout=10)
    who = node("sidecar~127.0.0.1~reviews-1.default~default.svc.cluster.local", NAMESPACE="default")
    await call.write(DiscoveryRequest(node=who, type_url=SECRET, resource_names=names).SerializeToString())
    await call.write(DiscoveryRequest(type_url=CLUSTER).SerializeToString())
    found: dict[str, Secret] = {}
    while (response := DiscoveryResponse.FromString(await call.read())).type_url != CLUSTER:
        found |= {secret.name: secret for secret in (Secret.parse(each.value) for each in response.resources)}
    call.cancel()
    return found


def holder(secret: Secret) -> list[str]:
    assert secret.tls_certificate is not None
    assert secret.tls_certificate.certificate_chain is not None
    leaf = x509.load_pem_x509_certificates(secret.tls_certificate.certificate_chain.inline_bytes or b"")[0]
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names.get_values_for_type(x509.UniformResourceIdentifier)


async def test_a_stream_gets_the_secrets_of_its_own_identity_and_of_no_other(secure: Secure) -> None:
    asked = ("default", "ROOTCA", str(REVIEWS), str(RATINGS), f"spiffe://{TRUST_DOMAIN}")
    of_ratings, of_reviews = await joined(secure, RATINGS), await joined(secure, REVIEWS)
    async with secure.channel(*of_ratings) as theirs, secure.channel(*of_reviews) as ours:
        assert holder((await secrets(theirs, *asked))["default"]) == [str(RATINGS)]
        found = await secrets(ours, *asked)
        assert found.keys() == {*asked} - {str(RATINGS)}
        assert holder(found["default"]) == holder(found[str(REVIEWS)]) == [str(REVIEWS)]
        trusted = found["ROOTCA"].validation_context
        assert trusted is not None
        assert trusted.trusted_ca is not None
        assert trusted.trusted_ca.inline_bytes == secure.roots
    async with aio.insecure_channel(secure.server.xds) as plain:
        assert await secrets(plain, *asked) == {}
    assert "PRIVATE KEY" not in secure.server.log.read_text()
    for page in ("/debug/config_dump?proxyID=reviews-1.default", "/debug/configz", "/debug/syncz"):
        assert "PRIVATE KEY" not in secure.server.get(page)[1]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--xds-listen", "0.0.0.0:0"), "or say --insecure-xds"),
        (("--ca-dir", "FOLDER"), "is open to others than its owner: chmod go-rwx"),
        (("--ca-dir", "ca", "--secure-listen", "127.0.0.1:PORT"), "cannot listen on 127.0.0.1:PORT"),
    ],
)
def test_it_says_in_one_line_why_it_cannot_start(
    tmp_path: Path, arguments: tuple[str, ...], reason: str, secure: Secure
) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    port = secure.address.rpartition(":")[2]
    places = {"FOLDER": str(tmp_path / "open"), "ca": str(tmp_path / "other")}
    given = [places.get(each, each).replace("PORT", port) for each in arguments]
    listen = ["--xds-listen", "127.0.0.1:0"] if "--xds-listen" not in given else []
    command = [sys.executable, "-m", "xds.app.cli", "serve", "--config", str(tmp_path / "mesh"), *listen, *given]
    result = subprocess.run(
        [*command, "--monitoring-listen", "127.0.0.1:0"], capture_output=True, text=True, timeout=30, check=False
    )
    assert result.returncode == 1
    assert reason.replace("PORT", port) in result.stderr
    assert len(result.stderr.splitlines()) == 1


async def test_a_revoked_certificate_proves_nothing_and_ends_its_streams(secure: Secure) -> None:
    key, chain = await joined(secure)
    other = await joined(secure)
    leaf = x509.load_pem_x509_certificates(chain)[0]
    async with secure.channel(key, chain) as channel:
        await first_response(channel)
        call = channel.stream_stream(STREAM)(timeout=60)
        who = node("sidecar~127.0.0.1~reviews-1.default~default.svc.cluster.local", NAMESPACE="default")
        await call.write(DiscoveryRequest(node=who, type_url=CLUSTER).SerializeToString())
        assert await call.read() is not aio.EOF
        secure.command("ca", "revoke-certificate", "--serial", f"{leaf.serial_number:x}")
        assert await call.code() is grpc.StatusCode.UNAVAILABLE
    async with secure.channel(key, chain) as channel:
        with pytest.raises(aio.AioRpcError) as caught:
            await sign(channel, request())
        assert code(caught)[0] == "UNAVAILABLE"
    async with secure.channel(*other) as channel:
        await sign(channel, request())
    reasons = [str(each["reason"]) for each in secure.server.wait_for("a TLS handshake failed")]
    assert "the client's certificate is revoked" in reasons
