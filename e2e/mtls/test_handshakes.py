"""What a client's proxy says first to an endpoint: whether it speaks TLS at all, to whom, and what is in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from e2e.mtls.world import NETWORKING, World, document
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="session")

PORT = 9080
PROTOCOLS = b"istio-http/1.1", b"istio-h2"
"""What requests say that they are (ALPN)."""


@asynccontextmanager
async def listener(address: str) -> AsyncIterator[asyncio.Queue[bytes]]:
    """An endpoint that takes down how connections begin, and closes them."""
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.put_nowait(await reader.read(4096))
        writer.close()

    server = await asyncio.start_server(hear, address, PORT)
    async with server:
        yield heard


async def first_bytes(world: World, name: str, label: str, *more: dict[str, object]) -> bytes:
    """How a connection begins to a service of this name, with one endpoint. label: its ``tlsMode``, empty for none."""
    address = world.lab.addresses.new()
    service = document("v1", "Service", name, {"selector": {"app": name}, "ports": [{"name": "http", "port": PORT}]})
    pod = {**document("v1", "Pod", name, {"serviceAccountName": name}), "status": {"podIP": address}}
    labels = {"app": name} | ({"security.istio.io/tlsMode": label} if label else {})
    pod["metadata"] = {"name": name, "namespace": "default", "labels": labels}
    async with listener(address) as heard:
        world.write(name, service, pod, *more)
        asking = asyncio.create_task(world.until_asked(f"http://{name}:{PORT}/", heard))
        try:
            return await asyncio.wait_for(heard.get(), 20)
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)


async def test_requests_say_which_service_they_are_for_and_that_they_are_requests(world: World) -> None:
    hello = await first_bytes(world, "labelled", "istio")
    assert hello[:1] == b"\x16"  # a TLS handshake
    assert f"outbound_.{PORT}_._.labelled.default.svc.cluster.local".encode() in hello
    assert all(protocol in hello for protocol in PROTOCOLS)


async def test_an_endpoint_without_the_label_gets_plain_text(world: World) -> None:
    assert (await first_bytes(world, "unlabelled", "")).startswith(b"GET / HTTP/1.1\r\n")


@proves("PeerAuthentication", "spec.mtls.mode", "spec.selector.matchLabels")
async def test_an_endpoint_for_which_it_is_off_gets_plain_text(world: World) -> None:
    off = {"selector": {"matchLabels": {"app": "off"}}, "mtls": {"mode": "DISABLE"}}
    policy = document("security.istio.io/v1", "PeerAuthentication", "off", off)
    assert (await first_bytes(world, "off", "istio", policy)).startswith(b"GET / HTTP/1.1\r\n")


@proves("DestinationRule", "spec.trafficPolicy.tls.mode", "spec.trafficPolicy.tls.sni")
async def test_a_rule_holds_whatever_the_label_says(world: World) -> None:
    asked = {"host": "asked", "trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL", "sni": "chosen.example"}}}
    hello = await first_bytes(world, "asked", "", document(NETWORKING, "DestinationRule", "asked", asked))
    assert hello[:1] == b"\x16"
    assert b"chosen.example" in hello
    disabled = {"host": "disabled", "trafficPolicy": {"tls": {"mode": "DISABLE"}}}
    rule = document(NETWORKING, "DestinationRule", "disabled", disabled)
    assert (await first_bytes(world, "disabled", "istio", rule)).startswith(b"GET / HTTP/1.1\r\n")
