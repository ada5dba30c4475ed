"""What a real Envoy says of resources that are shown to it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from envoy_data_plane.envoy.config.cluster.v3 import Cluster, ClusterDiscoveryType, ClusterEdsClusterConfig
from envoy_data_plane.envoy.config.core.v3 import Address, DataSource, SocketAddress, TypedExtensionConfig
from envoy_data_plane.envoy.config.endpoint.v3 import (
    ClusterLoadAssignment,
    Endpoint,
    LbEndpoint,
    LocalityLbEndpoints,
)
from envoy_data_plane.envoy.config.route.v3 import Route, RouteAction, RouteConfiguration, RouteMatch, VirtualHost
from envoy_data_plane.envoy.extensions.filters.http.lua.v3 import Lua

from examples.bookinfo.topology import MESH_DIR, WORKLOADS
from translators import DEFAULT
from xds.app.demo.envoy_binary import find_envoy
from xds.app.errors import StartError
from xds.app.offline import Offline, proxy_of
from xds.app.preflight import Admitted
from xds.app.preflight_document import CHECKED
from xds.app.preflight_envoy import EnvoyValidator, with_envoy
from xds.app.proxy_spec import ProxySpec
from xds.model.proxy import CaptureMode, Proxy
from xds.model.settings import MeshSettings
from xds.resources import CLUSTER, ENDPOINT, ROUTE, Resource
from xds.resources.types import EXTENSION_CONFIG
from xds.server import BroadcastSource
from xds.wire.encode import encode, pack_any


class Nobody:
    """A reporter that is told nothing."""

    def checking(self, proxy: Proxy) -> None:
        raise AssertionError

    def admitted(self, proxy: Proxy, admitted: Admitted) -> None:
        raise AssertionError

    def unchecked(self, count: int, reason: str) -> None:
        raise AssertionError


@pytest.fixture
def validator() -> EnvoyValidator:
    return EnvoyValidator(find_envoy())


def cluster(name: str, timeout: float = 1) -> Resource:
    message = Cluster(
        name=name,
        type=ClusterDiscoveryType.EDS,
        connect_timeout=timedelta(seconds=timeout),
        eds_cluster_config=ClusterEdsClusterConfig(service_name=f"endpoints of {name}"),
    )
    return Resource.of(CLUSTER, name, encode(message))


def endpoints(name: str, address: str) -> Resource:
    endpoint = Endpoint(address=Address(socket_address=SocketAddress(address=address, port_value=80)))
    assignment = ClusterLoadAssignment(
        cluster_name=name, endpoints=[LocalityLbEndpoints(lb_endpoints=[LbEndpoint(endpoint=endpoint)])]
    )
    return Resource.of(ENDPOINT, name, encode(assignment))


def routes(name: str, *domains: str) -> Resource:
    route = Route(match=RouteMatch(prefix="/"), route=RouteAction(cluster="elsewhere"))
    host = VirtualHost(name="host", domains=list(domains), routes=[route])
    return Resource.of(ROUTE, name, encode(RouteConfiguration(name=name, virtual_hosts=[host], validate_clusters=True)))


def lua(name: str, code: str) -> Resource:
    config = pack_any(Lua(default_source_code=DataSource(inline_string=code)))
    return Resource.of(EXTENSION_CONFIG, name, encode(TypedExtensionConfig(name=name, typed_config=config)))


@pytest.mark.parametrize("capture", CaptureMode)
async def test_accepts_everything_that_a_proxy_gets(validator: EnvoyValidator, capture: CaptureMode) -> None:
    offline = Offline(MeshSettings(), DEFAULT)
    offline.read([MESH_DIR])
    workload = WORKLOADS[0]
    spec = ProxySpec(workload.name, workload.namespace, workload.ip, capture=capture, labels=workload.labels)
    snapshot = offline.store.compile(proxy_of(spec, offline.store.mesh)).snapshot

    resources = [resource for type_url in snapshot if type_url in CHECKED for resource in snapshot[type_url]]
    assert {resource.type_url for resource in resources} == CHECKED - {EXTENSION_CONFIG}, "Bookinfo has no extension"
    assert await validator(resources) is None


async def test_accepts_resources_without_those_that_they_name(validator: EnvoyValidator) -> None:
    named = [cluster("a"), endpoints("b", "127.0.0.1"), routes("c", "*"), routes("d", "*"), lua("e", "-- nothing")]
    assert await validator(named) is None


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        (cluster("a", timeout=0), "ConnectTimeout"),
        (endpoints("a", "no address"), "no address"),
        (routes("a", "x", "x"), "domain x"),
        (lua("a", "function broken("), "script load error"),
    ],
    ids=["cluster", "endpoints", "routes", "extension"],
)
async def test_says_why_it_refuses_one(validator: EnvoyValidator, resource: Resource, reason: str) -> None:
    assert reason in str(await validator([cluster("sound"), resource]))


async def test_an_envoy_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await EnvoyValidator(tmp_path / "envoy")([cluster("a")])


def test_serve_does_not_start_without_an_envoy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVOY", "/no/envoy")
    with pytest.raises(StartError, match=r"^--preflight: \$ENVOY is '/no/envoy'"):
        with_envoy(BroadcastSource(), Nobody())
