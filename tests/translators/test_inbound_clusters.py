"""The clusters that lead from a sidecar to its workload."""

from __future__ import annotations

from dataclasses import replace

import pytest
from envoy_data_plane.envoy.config.cluster.v3 import Cluster, ClusterDiscoveryType, ClusterLbPolicy
from envoy_data_plane.envoy.extensions.upstreams.http.v3 import HttpProtocolOptions

from tests.translators import kit
from translators import clusters
from translators.cluster.http import HTTP_PROTOCOL_OPTIONS
from xds.model.gateways import IstioIngressListener, Port, Sidecar
from xds.model.mesh import Mesh
from xds.model.objects import ObjectKey
from xds.model.proxy import Proxy
from xds.model.services import Protocol, Service, ServiceInstance

REVIEWS = kit.service("reviews", kit.http(80))
NAME = "inbound|9080||"


def instance(service: Service, target: int = 9080) -> ServiceInstance:
    return ServiceInstance(service.key, service.ports[0], target)


def inbound(service: Service = REVIEWS, ingress: str = "", proxy: Proxy = kit.SIDECAR) -> Cluster:
    """The cluster of port 9080. ingress: the default endpoint of a Sidecar's listener."""
    return kit.decoded_clusters(kit.resources(clusters.translate, kit.view(mesh(service, ingress), proxy)))[NAME]


def mesh(service: Service, ingress: str) -> Mesh:
    listener = IstioIngressListener(Port(9080, service.ports[0].protocol), ingress, kit.ORIGIN)
    sidecars = [Sidecar(kit.meta("Sidecar", "reviews"), ingress=(listener,))] if ingress else []
    instances = {ip: (instance(service),) for ip in ("10.9.9.9", "127.9.9.9")}
    return kit.mesh([service], sidecars=sidecars, instances=instances)


def destination(cluster: Cluster) -> tuple[str, int]:
    assert cluster.load_assignment is not None
    assert cluster.load_assignment.cluster_name == cluster.name
    (locality,) = cluster.load_assignment.endpoints
    (endpoint,) = locality.lb_endpoints
    assert endpoint.endpoint is not None
    assert endpoint.endpoint.address is not None
    if endpoint.endpoint.address.pipe is not None:
        return endpoint.endpoint.address.pipe.path, 0
    socket = endpoint.endpoint.address.socket_address
    assert socket is not None
    return socket.address, socket.port_value or 0


def test_captured_traffic_goes_where_the_client_dialled() -> None:
    cluster = inbound()
    assert cluster.type is ClusterDiscoveryType.ORIGINAL_DST
    assert cluster.lb_policy is ClusterLbPolicy.CLUSTER_PROVIDED
    assert cluster.metadata is not None
    (described,) = cluster.metadata.filter_metadata["istio"].to_dict()["services"]
    assert described["host"] == REVIEWS.hostname


@pytest.mark.parametrize("name", [NAME, "InboundPassthroughCluster"])
def test_the_source_address_tells_the_proxys_own_connections(name: str) -> None:
    found = kit.decoded_clusters(kit.resources(clusters.translate, kit.view(mesh(REVIEWS, ""))))
    bind = found[name].upstream_bind_config
    assert bind is not None
    assert bind.source_address is not None
    assert bind.source_address.address == "127.0.0.6"
    (extra,) = bind.extra_source_addresses
    assert extra.address is not None
    assert extra.address.address == "::6"


@pytest.mark.parametrize(
    ("default_endpoint", "expected"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("[::1]:8080", ("::1", 8080)),
        ("unix:///run/app.sock", ("/run/app.sock", 0)),
    ],
)
def test_default_endpoint(default_endpoint: str, expected: tuple[str, int]) -> None:
    cluster = inbound(ingress=default_endpoint)
    assert cluster.type is ClusterDiscoveryType.STATIC
    assert cluster.upstream_bind_config is None
    assert destination(cluster) == expected


@pytest.mark.parametrize("default_endpoint", ["0.0.0.0:8080", "[::]:8080"])
def test_unspecified_default_endpoint_is_the_proxys_own_address(default_endpoint: str) -> None:
    assert destination(inbound(ingress=default_endpoint, proxy=kit.EXPLICIT)) == ("127.9.9.9", 8080)
    captured = inbound(ingress=default_endpoint)
    assert captured.type is ClusterDiscoveryType.ORIGINAL_DST
    assert captured.original_dst_lb_config is not None
    assert captured.original_dst_lb_config.upstream_port_override == 8080


def test_http2_to_the_workload() -> None:
    packed = inbound(replace(REVIEWS, ports=(kit.port(80, Protocol.GRPC),)))
    options = HttpProtocolOptions.parse(packed.typed_extension_protocol_options[HTTP_PROTOCOL_OPTIONS].value)
    assert options.explicit_http_config is not None
    assert options.explicit_http_config.http2_protocol_options is not None
    assert inbound().typed_extension_protocol_options == {}


def test_origins() -> None:
    service, sidecar = ObjectKey("Service", "default", "reviews"), ObjectKey("Sidecar", "default", "reviews")
    derived = kit.resources(clusters.translate, kit.view(mesh(REVIEWS, "")))
    declared = kit.resources(clusters.translate, kit.view(mesh(REVIEWS, "127.0.0.1:80")))
    assert derived[NAME].origins == (service,)
    assert declared[NAME].origins == (sidecar, service)


def test_gateways_have_no_inbound_clusters() -> None:
    found = kit.resources(clusters.translate, kit.view(mesh(REVIEWS, ""), kit.GATEWAY))
    assert not [name for name in found if name.lower().startswith("inbound")]
