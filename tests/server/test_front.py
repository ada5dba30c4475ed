"""TLS in front of gRPC, with real handshakes: with a certificate, without one, and with what is refused."""

from __future__ import annotations

import asyncio
import errno
import gc
import socket
import ssl
import tracemalloc
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc  # type: ignore[import-untyped]  # grpcio ships no types
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from grpc import aio

from tests.ca.kit import REVIEWS, TRUST_DOMAIN, pem, request
from xds.ca.authority import Authority, KeyType, issue, new_authority
from xds.ca.clock import Moment
from xds.ca.encoding import key_pem
from xds.ca.profile import Lifetimes
from xds.model.identity import SpiffeId
from xds.server.front import Peers, TlsFront
from xds.server.reports import Once, Reports

SERVER = SpiffeId.of_workload(TRUST_DOMAIN, "istio-system", "pilothouse")
NAMES = (("grpc.ssl_target_name_override", "pilothouse"),)


def authority() -> Authority:
    now = datetime.now(UTC)
    return new_authority(TRUST_DOMAIN, KeyType.EC_P256, Lifetimes(), now=now, serial=x509.random_serial_number)


def certificate(
    by: Authority, identity: SpiffeId, *, age: timedelta = timedelta(), life: timedelta = timedelta(hours=1)
) -> tuple[bytes, bytes, x509.Certificate]:
    """Chain and key, PEM, and the certificate itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    made = issue(
        by,
        request(key=key),
        identity,
        life,
        now=Moment.at(datetime.now(UTC) - age),
        serial=x509.random_serial_number,
        addresses=[x509.DNSName("pilothouse")],
    )
    return pem(*made.chain[:-1]), key_pem(key), made.certificate


@dataclass
class Trust:
    """What the front trusts and shows; a context for each handshake."""

    folder: Path
    by: Authority
    trusted: list[Authority] = field(default_factory=list)

    def __call__(self) -> ssl.SSLContext:
        chain, key, _ = certificate(self.by, SERVER)
        (self.folder / "chain.pem").write_bytes(chain)
        (self.folder / "key.pem").write_bytes(key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "chain.pem", self.folder / "key.pem")
        context.verify_mode = ssl.CERT_OPTIONAL
        context.set_alpn_protocols(["h2"])
        roots = [root for each in self.trusted for root in each.roots]
        context.load_verify_locations(cadata=pem(*roots).decode())
        return context


@asynccontextmanager
async def running(trust: Trust) -> AsyncIterator[tuple[int, int]]:
    """The ports of the front and of the gRPC server behind it."""
    async with front_of(trust, set()) as (front, upstream):
        yield front.port, upstream


@asynccontextmanager
async def front_of(trust: Trust, revoked: set[bytes]) -> AsyncIterator[tuple[TlsFront, int]]:
    """A front, and the port of the gRPC server behind it. revoked: certificates, which may change."""
    peers = Peers()
    server = aio.server()

    async def who(_: bytes, call: aio.ServicerContext[bytes, bytes]) -> bytes:
        shown = peers.shown(call.peer())
        if shown is None:
            return b"not through the front"
        return shown.certificate or b"nothing"

    method = grpc.unary_unary_rpc_method_handler(who)

    async def stay(_: bytes, call: aio.ServicerContext[bytes, bytes]) -> None:
        await call.write(b"here")
        await asyncio.Event().wait()

    staying = grpc.unary_stream_rpc_method_handler(stay)
    handlers = {"Who": method, "Stay": staying}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("test", handlers)])
    upstream = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    front = TlsFront("127.0.0.1", 0, trust, revoked.__contains__, peers, Reports(Once(lambda: 0.0), lambda _: None))
    serving = asyncio.create_task(front.serve(upstream))
    try:
        yield front, upstream
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        await server.stop(None)
    assert peers._shown == {}  # nothing is remembered of connections that are gone


async def ask(port: int, credentials: grpc.ChannelCredentials) -> bytes:
    async with aio.secure_channel(f"127.0.0.1:{port}", credentials, options=NAMES) as channel:
        answer: bytes = await channel.unary_unary("/test/Who")(b"", timeout=10)
        return answer


@pytest.fixture(scope="module")
def ours() -> Authority:
    return authority()


@pytest.fixture
def trust(tmp_path: Path, ours: Authority) -> Trust:
    return Trust(tmp_path, ours, [ours])


def roots(by: Authority) -> bytes:
    return pem(*by.roots)


async def test_what_a_client_shows_is_known_behind_the_front(trust: Trust, ours: Authority) -> None:
    chain, key, leaf = certificate(ours, REVIEWS)
    async with running(trust) as (port, upstream):
        shown = await ask(port, grpc.ssl_channel_credentials(roots(ours), key, chain))
        assert x509.load_der_x509_certificate(shown) == leaf
        assert await ask(port, grpc.ssl_channel_credentials(roots(ours))) == b"nothing"
        async with aio.insecure_channel(f"127.0.0.1:{upstream}") as channel:
            assert await channel.unary_unary("/test/Who")(b"") == b"not through the front"


async def test_certificates_that_are_not_trusted_or_over_are_refused(trust: Trust, ours: Authority) -> None:
    stranger = certificate(authority(), REVIEWS)
    over = certificate(ours, REVIEWS, age=timedelta(hours=2))
    async with running(trust) as (port, _):
        for chain, key, _ in (stranger, over):
            with pytest.raises(aio.AioRpcError) as caught:
                await ask(port, grpc.ssl_channel_credentials(roots(ours), key, chain))
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert await ask(port, grpc.ssl_channel_credentials(roots(ours))) == b"nothing"


async def test_a_client_trusts_the_server_by_its_root(trust: Trust) -> None:
    async with running(trust) as (port, _):
        with pytest.raises(aio.AioRpcError):
            await ask(port, grpc.ssl_channel_credentials(roots(authority())))


async def test_plain_text_and_silence_do_not_keep_others_out(trust: Trust, ours: Authority) -> None:
    async with running(trust) as (port, _):
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(20)]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"PRI * HTTP/2.0\r\n\r\n")
        assert await reader.read() != b"" or reader.at_eof()
        assert await ask(port, grpc.ssl_channel_credentials(roots(ours))) == b"nothing"
        for _, each in [*silent, (reader, writer)]:
            each.close()


async def test_what_is_trusted_can_change_while_connections_are_open(trust: Trust, ours: Authority) -> None:
    other = authority()
    chain, key, _ = certificate(other, REVIEWS)
    async with (
        running(trust) as (port, _),
        aio.secure_channel(
            f"127.0.0.1:{port}", grpc.ssl_channel_credentials(roots(ours)), options=NAMES
        ) as open_before,
    ):
        who = open_before.unary_unary("/test/Who")
        assert await who(b"") == b"nothing"
        trust.trusted.append(other)
        assert await ask(port, grpc.ssl_channel_credentials(roots(ours), key, chain)) != b"nothing"
        trust.trusted.remove(other)
        with pytest.raises(aio.AioRpcError):
            await ask(port, grpc.ssl_channel_credentials(roots(ours), key, chain))
        assert await who(b"") == b"nothing"


async def test_a_handshake_without_a_context_and_a_failed_accept_cost_only_themselves(
    trust: Trust, ours: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept, failures = socket.socket.accept, [OSError(errno.EMFILE, "Too many open files")]

    def sometimes(listener: socket.socket) -> tuple[socket.socket, object]:
        if failures:
            raise failures.pop()
        return accept(listener)

    monkeypatch.setattr(socket.socket, "accept", sometimes)
    async with running(trust) as (port, _):
        good, trust.by = trust.by, _ended()
        with pytest.raises(aio.AioRpcError):
            await ask(port, grpc.ssl_channel_credentials(roots(ours)))
        trust.by = good
        assert await ask(port, grpc.ssl_channel_credentials(roots(ours))) == b"nothing"
    assert failures == []


def _ended() -> Authority:
    """One that cannot issue any more."""
    lifetimes, past = Lifetimes(issuing=timedelta(hours=1)), datetime.now(UTC) - timedelta(days=1)
    return new_authority(TRUST_DOMAIN, KeyType.EC_P256, lifetimes, now=past, serial=x509.random_serial_number)


async def test_a_certificate_that_is_revoked_is_refused_and_ends_what_is_open(trust: Trust, ours: Authority) -> None:
    revoked = set[bytes]()
    credentials, certificates = [], []
    for _ in range(2):
        chain, key, leaf = certificate(ours, REVIEWS)
        certificates.append(leaf.public_bytes(Encoding.DER))
        credentials.append(grpc.ssl_channel_credentials(roots(ours), key, chain))
    async with front_of(trust, revoked) as (front, _):
        address = f"127.0.0.1:{front.port}"
        async with (
            aio.secure_channel(address, credentials[0], options=NAMES) as bad,
            aio.secure_channel(address, credentials[1], options=NAMES) as good,
        ):
            calls = [channel.unary_stream("/test/Stay")(b"", timeout=30) for channel in (bad, good)]
            assert [await call.read() for call in calls] == [b"here", b"here"]
            revoked.add(certificates[0])
            front.end_revoked()
            assert await calls[0].code() is grpc.StatusCode.UNAVAILABLE
            assert not calls[1].done()
            with pytest.raises(aio.AioRpcError) as caught:
                await ask(front.port, credentials[0])
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
            assert await ask(front.port, credentials[1]) == certificates[1]


async def test_nothing_stays_open_of_a_connection_at_whatever_moment_the_server_ends(trust: Trust) -> None:
    client = ssl.create_default_context(cadata=roots(trust.by).decode())
    context = trust()
    with warnings.catch_warnings(record=True) as left:
        warnings.simplefilter("always", ResourceWarning)
        for moment in range(1, 60):  # of the loop: from before it is accepted until the gRPC server is reached
            front = TlsFront(
                "127.0.0.1", 0, lambda: context, set().__contains__, Peers(), Reports(Once(float), lambda _: None)
            )
            serving = asyncio.create_task(front.serve(1))
            opening = asyncio.create_task(
                asyncio.open_connection("127.0.0.1", front.port, ssl=client, server_hostname="pilothouse")
            )
            for _ in range(moment):
                await asyncio.sleep(0)
            serving.cancel()
            opening.cancel()
            for ended in await asyncio.gather(serving, opening, return_exceptions=True):
                if isinstance(ended, tuple):
                    ended[1].transport.abort()
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        gc.collect()
    assert not [str(each.message) for each in left]


async def test_an_open_connection_takes_little_memory(trust: Trust) -> None:
    """asyncio alone would keep 256 KiB for each."""
    client = ssl.create_default_context(cadata=roots(trust.by).decode())
    count, most = 10, 64 << 10

    def connect(port: int) -> ssl.SSLSocket:
        raw = socket.create_connection(("127.0.0.1", port))
        return client.wrap_socket(raw, server_hostname="pilothouse")

    async with running(trust) as (port, _):
        tracemalloc.start()
        try:
            connections = [await asyncio.to_thread(connect, port) for _ in range(count)]
            memory, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        for each in connections:
            each.close()
    assert memory / count < most, f"{memory / count / 1024:.0f} KiB"
