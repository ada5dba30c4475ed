"""Behaviours 45 to 47: gRPC clients without a proxy, as a raw client. `e2e.test_proxyless` has a real one."""

from __future__ import annotations

from envoy_data_plane.envoy.config.cluster.v3 import Cluster
from envoy_data_plane.envoy.config.endpoint.v3 import ClusterLoadAssignment
from envoy_data_plane.envoy.config.listener.v3 import Listener
from envoy_data_plane.envoy.config.route.v3 import RouteConfiguration
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpConnectionManager

from tests.features.client import Fixture, SotwStream, node
from tests.translators import kit
from translators import DEFAULT
from xds.model.mesh import Mesh
from xds.model.services import Protocol
from xds.pipeline import Pipeline
from xds.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, TypeUrl
from xds.server import SyncState
from xds.wire.discovery_pb2 import DiscoveryResponse

ECHO = kit.service("echo", kit.port(80, Protocol.GRPC))
DIALLED = "echo:80"
NAME = "outbound|80||echo.default.svc.cluster.local"
IN_ORDER = ((LISTENER, DIALLED), (ROUTE, NAME), (CLUSTER, NAME), (ENDPOINT, NAME))

MESH = kit.mesh([ECHO], endpoints=[kit.endpoints(ECHO, "10.0.0.1", "10.0.0.2")])


def publish(xds: Fixture, mesh: Mesh) -> None:
    xds.source.publish(Pipeline(DEFAULT).compile(mesh, kit.GRPC_CLIENT).snapshot)


async def ask(stream: SotwStream, url: TypeUrl, name: str) -> DiscoveryResponse:
    """Subscribe to one name of a type for the first time, and accept the answer."""
    await stream.request(url, name, who=node(GENERATOR="grpc"))
    response = await stream.receive()
    assert response.type_url == url
    await stream.request(url, name, answers=response)
    return response


def only(response: DiscoveryResponse) -> bytes:
    (resource,) = response.resources
    return resource.value


async def test_b45_each_resource_names_the_next(xds: Fixture) -> None:
    publish(xds, MESH)
    async with xds.sotw() as stream:
        listener = Listener.parse(only(await ask(stream, LISTENER, DIALLED)))
        assert xds.board.streams[0].proxy.proxyless
        assert listener.api_listener is not None
        assert listener.api_listener.api_listener is not None
        rds = HttpConnectionManager.parse(listener.api_listener.api_listener.value).rds
        assert rds is not None
        routes = RouteConfiguration.parse(only(await ask(stream, ROUTE, rds.route_config_name)))
        action = routes.virtual_hosts[0].routes[0].route
        assert action is not None
        assert action.cluster is not None
        eds = Cluster.parse(only(await ask(stream, CLUSTER, action.cluster))).eds_cluster_config
        assert eds is not None
        assignment = ClusterLoadAssignment.parse(only(await ask(stream, ENDPOINT, eds.service_name)))
        assert [(each.load_balancing_weight, len(each.lb_endpoints)) for each in assignment.endpoints] == [(2, 2)]


async def test_b46_an_empty_list_of_names_unsubscribes(xds: Fixture) -> None:
    publish(xds, MESH)
    async with xds.sotw() as stream:
        await ask(stream, CLUSTER, NAME)
        response = await ask(stream, ENDPOINT, NAME)
        await stream.request(ENDPOINT, answers=response)
        await ask(stream, LISTENER, DIALLED)
        assert xds.board.streams[0].types[ENDPOINT].names == 0
        publish(xds, kit.mesh([ECHO], endpoints=[kit.endpoints(ECHO, "10.0.0.3")]))
        await stream.assert_quiet()


async def test_b46_a_client_reconnects_in_any_order_with_old_versions(xds: Fixture) -> None:
    publish(xds, MESH)
    async with xds.sotw() as stream:
        versions = {url: (await ask(stream, url, name)).version_info for url, name in IN_ORDER}
    names = dict(IN_ORDER)
    async with xds.sotw() as stream:
        for url in (ENDPOINT, ROUTE, LISTENER, CLUSTER):
            await stream.request(url, names[url], version=versions[url], who=node(GENERATOR="grpc"))
        received: set[str] = set()
        while received != names.keys():
            response = await stream.receive()
            assert only(response)
            received.add(response.type_url)
            await stream.request(response.type_url, names[TypeUrl(response.type_url)], answers=response)


async def test_b47_a_rejection_is_recorded_with_its_resource(xds: Fixture) -> None:
    publish(xds, MESH)
    async with xds.sotw() as stream:
        await stream.request(CLUSTER, NAME, who=node(GENERATOR="grpc"))
        error = f"xDS response validation errors: [resource index 0: {NAME}: INVALID_ARGUMENT: field:lb_policy]"
        await stream.request(CLUSTER, NAME, answers=await stream.receive(), error=error)
        await stream.request(LISTENER, DIALLED)
        await stream.receive()
        status = xds.board.streams[0].types[CLUSTER]
        assert status.state is SyncState.ERROR
        assert status.nack is not None
        assert [resource.name for resource in status.nack.resources] == [NAME]


async def test_b47_what_is_gone_is_absent_from_the_response(xds: Fixture) -> None:
    publish(xds, MESH)
    async with xds.sotw() as stream:
        for url, name in IN_ORDER:
            await ask(stream, url, name)
        publish(xds, kit.mesh())
        response = await stream.receive()
        assert (response.type_url, len(response.resources)) == (LISTENER, 0)
        await stream.request(LISTENER, DIALLED, answers=response)
        response = await stream.receive()
        assert (response.type_url, len(response.resources)) == (CLUSTER, 0)


async def test_b47_a_name_that_was_never_there_is_answered(xds: Fixture) -> None:
    publish(xds, MESH)
    async with xds.sotw() as stream:
        assert not (await ask(stream, LISTENER, "nobody:80")).resources
        await stream.assert_quiet()
