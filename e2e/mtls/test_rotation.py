"""Certificates that end, and a root that is replaced, under load: nothing fails, and nothing that is open is cut.

In CI for less than a minute, with certificates of 20 s; ``make soak-identity MINUTES=5`` goes on for as long as it is
told, with certificates of 60 s.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from e2e.addresses import Addresses
from e2e.lab import Sidecar
from e2e.mtls.world import CLIENT, HTTP, NETWORKING, NOBODY, OTHER, REFUSED, TCP, World, document, new_world
from examples.bookinfo.topology import PROXY_HTTP_PORT

pytestmark = pytest.mark.asyncio(loop_scope="module")

MINUTES = float(os.environ.get("PILOTHOUSE_SOAK_MINUTES", "0"))
SECONDS = MINUTES * 60 or 40.0
LIFE = 60.0 if MINUTES else 20.0
"""Of workloads' certificates, in seconds."""

RATE = 20.0
"""Requests a second of each sort."""

_ONE_REQUEST = {"connectionPool": {"http": {"maxRequestsPerConnection": 1}}}
"""So that each needs a handshake."""

_FAILED = r"^cluster\.outbound.*\|server\..*(ssl\.connection_error|ssl\.fail_verify.*|upstream_cx_connect_fail)$"


@dataclass
class Load:
    """What has come of it so far. answered: by sort, who the server took the sender for. serials: of the certificates
    that each proxy has had. said: on the connections that stay open, all the time."""

    answered: dict[str, Counter[str]] = field(default_factory=dict)
    serials: dict[str, set[str]] = field(default_factory=dict)
    said: Counter[str] = field(default_factory=Counter)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def steadily(self, sort: str, ask: Callable[[], Awaitable[str]]) -> None:
        """Asks at the rate, one after the other."""
        seen = self.answered.setdefault(sort, Counter())
        while not self.over.is_set():
            due = time.monotonic() + 1 / RATE
            seen[await ask()] += 1
            await asyncio.sleep(max(0, due - time.monotonic()))

    async def on_one(self, sort: str, say: Callable[[str], Awaitable[str]]) -> None:
        """Says something every so often on a connection that is never closed."""
        while not self.over.is_set():
            word = f"{sort}-{self.said[sort]}"
            assert (await say(word)).endswith(word)
            self.said[sort] += 1
            await asyncio.sleep(0.2)

    async def watch(self, *proxies: Sidecar) -> None:
        """Takes down what certificates proxies have."""
        while not self.over.is_set():
            for proxy in proxies:
                self.serials.setdefault(proxy.spec.name, set()).update(_serials(await proxy.admin("/certs")))
            await asyncio.sleep(1)


def _serials(text: str) -> Iterator[str]:
    for each in json.loads(text).get("certificates", ()):
        for certificate in each.get("cert_chain", ()):
            if any("/sa/" in str(name.get("uri", "")) for name in certificate["subject_alt_names"]):
                yield certificate["serial_number"]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory, envoy: Path, addresses: Addresses) -> AsyncIterator[World]:
    life = ("--workload-cert-ttl", f"{LIFE:g}s")
    async with new_world(tmp_path_factory.mktemp("rotation"), envoy, addresses, *life) as made:
        yield made


async def test_certificates_end_and_a_root_is_replaced_and_nothing_fails(world: World) -> None:
    world.policy(mtls={"mode": "STRICT"})
    rule = {"host": "server", "trafficPolicy": {"portLevelSettings": [{"port": {"number": HTTP}, **_ONE_REQUEST}]}}
    world.write("rule", document(NETWORKING, "DestinationRule", "server", rule))
    await world.until(partial(world.in_plain_text, HTTP), REFUSED)
    await world.until(partial(world.by_proxy, HTTP), str(CLIENT))
    failed, load, began = await world.stat(world.client, _FAILED), Load(), time.monotonic()
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
        proxy = f"http://{world.client.ip}:{PROXY_HTTP_PORT}"
        socket = await session.ws_connect(f"http://server:{OTHER}/", proxy=proxy)

        async def by_websocket(word: str) -> str:
            await socket.send_str(word)
            return str(await socket.receive_str(timeout=10))

        tasks.create_task(load.steadily("a handshake for each", partial(world.by_proxy, HTTP)))
        tasks.create_task(load.steadily("on pooled connections", partial(world.by_proxy, OTHER)))
        tasks.create_task(load.steadily("on TCP connections", world.over_tcp))
        tasks.create_task(load.on_one("websocket", by_websocket))
        tasks.create_task(_on_a_tcp_connection(world, load))
        tasks.create_task(load.watch(world.client, world.server))
        try:
            await _replace_the_root(world, began)
        finally:
            load.over.set()
    await _judge(world, load, failed)


async def _on_a_tcp_connection(world: World, load: Load) -> None:
    """HTTP, which the proxies know nothing of, on one connection."""
    reader, writer = await asyncio.open_connection(world.client.ip, TCP)

    async def say(word: str) -> str:
        writer.write(f"GET /{word} HTTP/1.1\r\nhost: server\r\n\r\n".encode())
        head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).decode().lower()
        length = head.partition("content-length: ")[2].partition("\r\n")[0]
        return str(json.loads(await reader.readexactly(int(length)))["path"])

    try:
        await load.on_one("connection", say)
    finally:
        writer.close()


async def _replace_the_root(world: World, began: float) -> None:
    """A step every quarter of the time."""
    before = world.authority.active.id
    steps: tuple[tuple[str, Callable[[], None]], ...] = (
        ("ROOTCA", world.authority.prepare),
        ("default", world.authority.activate),
        ("ROOTCA", partial(world.authority.revoke, before)),
    )
    for number, (secret, step) in enumerate(steps, 1):
        await asyncio.sleep(max(0, began + SECONDS * number / (len(steps) + 1) - time.monotonic()))
        await world.renewed(secret, step)
    await asyncio.sleep(max(0, began + SECONDS - time.monotonic()))


async def _judge(world: World, load: Load, failed: int) -> None:
    renewals = SECONDS / (LIFE / 2)
    print(f"\n{SECONDS:g} s, certificates of {LIFE:g} s: {load.answered}, {dict(load.said)}")
    print(f"certificates: { {name: len(each) for name, each in load.serials.items()} }")
    for sort, expected in (
        ("a handshake for each", str(CLIENT)),
        ("on pooled connections", str(CLIENT)),
        ("on TCP connections", NOBODY),
    ):
        assert set(load.answered[sort]) == {expected}
        assert load.answered[sort][expected] > SECONDS  # far below the rate, which a busy machine need not reach
    assert await world.stat(world.client, _FAILED) == failed
    assert min(load.said[sort] for sort in ("websocket", "connection")) > SECONDS
    assert min(len(load.serials[name]) for name in ("client", "server")) >= renewals * 0.8
