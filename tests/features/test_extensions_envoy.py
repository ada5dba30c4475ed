"""ECDS and RTDS with real Envoys, in both variants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from envoy_data_plane.envoy.service.runtime.v3 import Runtime
from envoy_data_plane.google.protobuf import Struct, Value

from tests.features.client import Fixture
from tests.features.envoy import Sidecar, backend, cluster, endpoints, listener, route, running_envoy
from tests.features.extensions import BROKEN, discovered, marks, revised, script
from xds.pipeline.translator import resource_of
from xds.resources import LISTENER, Resource
from xds.resources.types import EXTENSION_CONFIG, RUNTIME

IPS = {"GRPC": "127.77.42.1", "DELTA_GRPC": "127.77.42.2"}
BOTH = pytest.mark.parametrize("api_type", IPS)
Condition = Callable[[], Awaitable[bool]]


async def until(condition: Condition, seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - another process wakes nobody here
            await asyncio.sleep(0.02)


class Kept:
    """One connection, for several requests."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def get(self) -> tuple[int, list[str]]:
        """The status, and what headers the extensions added."""
        self._writer.write(b"GET / HTTP/1.1\r\nhost: web\r\n\r\n")
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        length = next(int(line.partition(":")[2]) for line in head if line.startswith("content-length"))
        await self._reader.readexactly(length)
        return int(head[0].split()[1]), [line for line in head if line.startswith(("x-a:", "x-b:", "x-c:"))]


@asynccontextmanager
async def connected(ip: str) -> AsyncIterator[Kept]:
    reader, writer = await asyncio.open_connection(ip, 8080)
    try:
        yield Kept(reader, writer)
    finally:
        writer.close()
        await writer.wait_closed()


async def answer(ip: str) -> tuple[int, list[str]]:
    """To a request on a new connection."""
    async with connected(ip) as connection:
        return await connection.get()


async def meets(ip: str, *headers: str, status: int = 200) -> None:
    """New connections come to get exactly these headers."""

    async def as_expected() -> bool:
        return await answer(ip) == (status, list(headers))

    await until(as_expected)


def upstream(ip: str) -> tuple[Resource, ...]:
    return cluster("v1"), endpoints("v1", [(ip, 8001)]), route("web", "v1")


@asynccontextmanager
async def envoy(xds: Fixture, directory: Path, ip: str, api_type: str) -> AsyncIterator[Sidecar]:
    async with backend(ip, 8001, "v1"), running_envoy(directory, ip, xds.port, api_type) as running:
        await running.ready()
        yield running


@BOTH
async def test_an_extension_changes_without_its_listener(xds: Fixture, tmp_path: Path, api_type: str) -> None:
    ip = IPS[api_type]
    web = listener("web", ip, 8080, "web", discovered("a"))
    xds.publish(web, marks("a", "1"), *upstream(ip))
    async with envoy(xds, tmp_path, ip, api_type) as running, connected(ip) as before:
        assert await before.get() == (200, ["x-a: 1"]), "a listener waits for what its filters run"
        xds.publish(web, marks("a", "2"), *upstream(ip))
        await meets(ip, "x-a: 2")
        assert await before.get() == (200, ["x-a: 2"])
        assert await running.stat("listener_manager.lds.update_success") == 1
        assert await running.stat("listener_manager.listener_create_success") == 1


@BOTH
async def test_a_changed_listener_needs_no_extension_sent_again(xds: Fixture, tmp_path: Path, api_type: str) -> None:
    ip = IPS[api_type]
    web = listener("web", ip, 8080, "web", discovered("a"))
    xds.publish(web, marks("a", "1"), *upstream(ip))
    async with envoy(xds, tmp_path, ip, api_type) as running:
        xds.publish(revised(web, 100_001), marks("a", "1"), *upstream(ip))
        await until(lambda: _equals(running, "listener_manager.lds.update_success", 2))
        await meets(ip, "x-a: 1")
        assert await running.stat("listener_manager.total_listeners_warming") == 0
        assert await running.stat("extension_config_discovery.http_filter.a.config_reload") == 1


async def _equals(running: Sidecar, name: str, value: int) -> bool:
    return await running.stat(name) == value


@BOTH
async def test_connections_of_an_old_listener_keep_the_extension_that_was_removed(
    xds: Fixture, tmp_path: Path, api_type: str
) -> None:
    ip = IPS[api_type]
    xds.publish(
        listener("web", ip, 8080, "web", discovered("a"), discovered("b")),
        *(marks("a", "1"), marks("b", "1")),
        *upstream(ip),
    )
    async with envoy(xds, tmp_path, ip, api_type), connected(ip) as before:
        assert await before.get() == (200, ["x-b: 1", "x-a: 1"])
        xds.publish(listener("web", ip, 8080, "web", discovered("b")), marks("b", "1"), *upstream(ip))
        await meets(ip, "x-b: 1")
        assert await before.get() == (200, ["x-b: 1", "x-a: 1"])


@BOTH
async def test_a_rejected_extension_costs_only_itself(xds: Fixture, tmp_path: Path, api_type: str) -> None:
    ip = IPS[api_type]
    web = listener("web", ip, 8080, "web", discovered("a"), discovered("b"), discovered("c"))
    xds.publish(web, marks("a", "1"), script("b", BROKEN), marks("c", "1"), *upstream(ip))
    async with envoy(xds, tmp_path, ip, api_type) as running:
        await meets(ip, "x-c: 1", "x-a: 1")
        assert await _nacked(xds) == ["b"]
        xds.publish(revised(web, 100_001), marks("a", "2"), script("b", BROKEN), marks("c", "1"), *upstream(ip))
        await meets(ip, "x-c: 1", "x-a: 2")
        await until(lambda: _equals(running, "listener_manager.lds.update_success", 2))
        assert await running.stat("listener_manager.lds.update_rejected") == 0
        xds.publish(revised(web, 100_001), marks("a", "2"), marks("b", "2"), marks("c", "1"), *upstream(ip))
        await meets(ip, "x-c: 1", "x-b: 2", "x-a: 2")


async def _nacked(xds: Fixture) -> list[str]:
    nack = xds.board.streams[0].types[EXTENSION_CONFIG].nack
    return [each.name for each in nack.resources] if nack is not None else []


@BOTH
async def test_an_extension_that_was_good_stays_as_it_was_and_lets_listeners_change(
    xds: Fixture, tmp_path: Path, api_type: str
) -> None:
    ip = IPS[api_type]
    web = listener("web", ip, 8080, "web", discovered("a"))
    xds.publish(web, marks("a", "1"), *upstream(ip))
    async with envoy(xds, tmp_path, ip, api_type) as running:
        await meets(ip, "x-a: 1")
        xds.publish(web, script("a", BROKEN), *upstream(ip))
        await until(lambda: _equals(running, "extension_config_discovery.http_filter.a.update_rejected", 1))
        await until(lambda: _equals(running, "extension_config_discovery.http_filter.a.update_success", 2))
        xds.publish(revised(web, 100_001), script("a", BROKEN), *upstream(ip))
        await until(lambda: _equals(running, "listener_manager.lds.update_success", 2))
        await meets(ip, "x-a: 1")
        assert xds.board.streams[0].types[LISTENER].nack is None


@BOTH
async def test_runtime_values_change(xds: Fixture, tmp_path: Path, api_type: str) -> None:
    ip = IPS[api_type]

    def values(answer: str) -> Resource:
        return resource_of(Runtime(name="mesh", layer=Struct(fields={"test.answer": Value(string_value=answer)})))

    async def is_now(running: Sidecar, answer: str) -> bool:
        async with running.http.get(f"http://{ip}:9901/runtime") as response:
            entries = (await response.json(content_type=None))["entries"]
        return str(entries.get("test.answer", {}).get("final_value")) == answer

    layer = {"name": "mesh", "rtds_layer": {"name": "mesh", "rtds_config": {"ads": {}, "resource_api_version": "V3"}}}
    xds.publish(listener("web", ip, 8080, "web"), values("41"), *upstream(ip))
    async with (
        backend(ip, 8001, "v1"),
        running_envoy(tmp_path, ip, xds.port, api_type, layered_runtime={"layers": [layer]}) as running,
    ):
        await running.ready()
        assert await is_now(running, "41"), "an Envoy waits for its runtime before it is ready"
        xds.publish(listener("web", ip, 8080, "web"), values("42"), *upstream(ip))
        await until(lambda: is_now(running, "42"))
        assert xds.board.streams[0].types[RUNTIME].nack is None
        assert (await running.get())[0] == 200
