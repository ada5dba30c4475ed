"""The configuration that an Envoy starts with: who it is, and where its control plane is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from ipaddress import ip_address

from envoy_data_plane.envoy.config.bootstrap.v3 import (
    Admin,
    Bootstrap,
    BootstrapDynamicResources,
    BootstrapStaticResources,
    ClusterManager,
    LayeredRuntime,
    RuntimeLayer,
    RuntimeLayerAdminLayer,
)
from envoy_data_plane.envoy.config.cluster.v3 import Cluster, ClusterDiscoveryType, ClusterEdsClusterConfig
from envoy_data_plane.envoy.config.core.v3 import (
    Address,
    AggregatedConfigSource,
    ApiConfigSource,
    ApiConfigSourceApiType,
    ApiVersion,
    BackoffStrategy,
    ConfigSource,
    GrpcService,
    GrpcServiceEnvoyGrpc,
    Http2ProtocolOptions,
    KeepaliveSettings,
    Locality,
    Node,
    RetryPolicy,
    SocketAddress,
    SocketAddressProtocol,
)
from envoy_data_plane.envoy.config.endpoint.v3 import ClusterLoadAssignment, Endpoint, LbEndpoint, LocalityLbEndpoints
from envoy_data_plane.envoy.config.metrics.v3 import StatsdSink, StatsSink
from envoy_data_plane.envoy.config.overload.v3 import OverloadManager, ResourceMonitor
from envoy_data_plane.envoy.extensions.resource_monitors.downstream_connections.v3 import DownstreamConnectionsConfig
from envoy_data_plane.envoy.extensions.upstreams.http.v3 import (
    HttpProtocolOptions,
    HttpProtocolOptionsExplicitHttpConfig,
)
from envoy_data_plane.google.protobuf import ListValue, Struct, Value

from xds.app.address import split_address
from xds.app.bootstrap_tls import AgentTls, XdsTls, sds_cluster, xds_socket
from xds.app.proxy_spec import ProxySpec
from xds.config.scalars import is_ip
from xds.model import services
from xds.model.envoy_filters import ConfigPatch
from xds.model.labels import Labels
from xds.model.proxy import LOCAL_CLUSTER, CaptureMode
from xds.model.proxy_settings import ProxyDefaults
from xds.pipeline.envoyfilter.check import check, leaving_out
from xds.pipeline.envoyfilter.filters import merged_by
from xds.pipeline.envoyfilter.outcome import Refusal
from xds.wire.encode import encode, pack_any
from xds.wire.protojson import to_json
from xds.wire.registry import type_url

XDS_CLUSTER = "xds-grpc"
"""The name of the control plane's cluster in every bootstrap (Istio's name)."""

_CONNECT = timedelta(seconds=1)
_CONNECT_TLS = timedelta(seconds=5)
"""Envoy counts the handshake in, which takes longer where hundreds come back at once; one given up was for nothing."""

_MAX_CONNECTIONS = "GLOBAL_DOWNSTREAM_MAX_CONNECTIONS"

DEFAULT_ADMIN_PORT = 15000
NO_DEFAULTS = ProxyDefaults()


def bootstrap(
    spec: ProxySpec,
    xds_address: str,
    admin_port: int = DEFAULT_ADMIN_PORT,
    defaults: ProxyDefaults = NO_DEFAULTS,
    patches: Sequence[ConfigPatch] = (),
    report: Callable[[Refusal], None] = lambda refusal: None,
    tls: XdsTls | AgentTls | None = None,
) -> dict[str, object]:
    """An Envoy bootstrap in protobuf's JSON mapping (Envoy ``bootstrap.v3.Bootstrap``).

    xds_address: ``HOST:PORT`` of the control plane. admin_port: 0 lets the system choose. defaults: what the mesh says
    of every proxy, but for its admin port. patches: merged into it at last; report: is told of those that would make it
    invalid, which are left out. tls: None where it is in plain text. Raises ValueError for an address that is none.
    """
    message = Bootstrap(
        node=_node(spec, defaults),
        layered_runtime=_runtime(defaults.runtime_values),
        stats_sinks=_stats_sinks(defaults.statsd),
        overload_manager=_overload_manager(_connections(defaults)),
        admin=Admin(address=_socket(admin_host(spec), admin_port)),
        dynamic_resources=_dynamic_resources(),
        static_resources=BootstrapStaticResources(
            clusters=[
                _xds_cluster(*split_address(xds_address), tls),
                *([sds_cluster(tls)] if isinstance(tls, AgentTls) else []),
                *([_local_cluster()] if spec.self_discovery else []),
            ]
        ),
        cluster_manager=ClusterManager(local_cluster_name=LOCAL_CLUSTER) if spec.self_discovery else None,
    )
    body, refused = leaving_out(patches, "the bootstrap", partial(_merged, encode(message)))
    for refusal in refused:
        report(refusal)
    return to_json(type_url(Bootstrap), body)


def _merged(body: bytes, patches: Iterable[ConfigPatch]) -> bytes:
    for patch in patches:
        body = merged_by(Bootstrap, body, patch)
    check(Bootstrap, body)
    return body


def admin_host(spec: ProxySpec) -> str:
    """Envoy's admin interface can change the proxy, so it is bound to loopback and to nothing else.

    Sidecars that share a host without capture have a loopback address each, and use it.
    """
    return spec.ip if spec.capture is CaptureMode.NONE and ip_address(spec.ip).is_loopback else "127.0.0.1"


def _node(spec: ProxySpec, defaults: ProxyDefaults) -> Node:
    """What the proxy is holds against what the mesh says of all."""
    return Node(
        id=spec.node_id,
        cluster=defaults.service_cluster or f"{spec.labels.get('app', spec.name)}.{spec.namespace}",
        metadata=_struct({**defaults.metadata, **spec.metadata}),
        locality=Locality(**services.Locality.parse(spec.locality)._asdict()) if spec.locality else None,
    )


def _runtime(values: Labels) -> LayeredRuntime | None:
    """The admin layer comes last, so that values can still be changed by hand."""
    if not values:
        return None
    static = RuntimeLayer(name="mesh", static_layer=_struct(values))
    return LayeredRuntime(layers=[static, RuntimeLayer(name="admin", admin_layer=RuntimeLayerAdminLayer())])


def _connections(defaults: ProxyDefaults) -> int | None:
    """The most connections that a proxy takes from clients. Istio's metadata say it too, and count less."""
    said = defaults.metadata.get(_MAX_CONNECTIONS, "")
    of_metadata = int(said) if said.isdecimal() and int(said) else None
    return defaults.connections.all_connections or of_metadata


def _overload_manager(connections: int | None) -> OverloadManager | None:
    if connections is None:
        return None
    config = DownstreamConnectionsConfig(max_active_downstream_connections=connections)
    name = "envoy.resource_monitors.global_downstream_max_connections"
    return OverloadManager(resource_monitors=[ResourceMonitor(name=name, typed_config=pack_any(config))])


def _stats_sinks(statsd: str) -> list[StatsSink]:
    if not statsd:
        return []
    sink = StatsdSink(address=_udp(*split_address(statsd)))
    return [StatsSink(name="envoy.stat_sinks.statsd", typed_config=pack_any(sink))]


def _struct(values: Mapping[str, object]) -> Struct:
    return Struct(fields={key: _value(value) for key, value in values.items()})


def _value(value: object) -> Value:
    match value:
        case str():
            return Value(string_value=value)
        case Mapping():
            return Value(struct_value=_struct(value))
        case list():
            return Value(list_value=ListValue(values=[_value(item) for item in value]))
        case _:
            raise TypeError(f"no node metadata can be of type {type(value).__name__}")


def _dynamic_resources() -> BootstrapDynamicResources:
    """Everything over one delta stream. The node is 61 kB with its extension list, so it is sent once."""
    ads = ApiConfigSource(
        api_type=ApiConfigSourceApiType.DELTA_GRPC,
        transport_api_version=ApiVersion.V3,
        set_node_on_first_message_only=True,
        grpc_services=[
            GrpcService(envoy_grpc=GrpcServiceEnvoyGrpc(cluster_name=XDS_CLUSTER, retry_policy=_reconnect()))
        ],
    )
    over_ads = ConfigSource(ads=AggregatedConfigSource(), resource_api_version=ApiVersion.V3)
    return BootstrapDynamicResources(ads_config=ads, cds_config=over_ads, lds_config=over_ads)


def _reconnect() -> RetryPolicy:
    """Jittered backoff from half a second to five: Envoy's own maximum of 30 s is long for a restart to be noticed."""
    return RetryPolicy(
        retry_back_off=BackoffStrategy(base_interval=timedelta(seconds=0.5), max_interval=timedelta(seconds=5))
    )


def _xds_cluster(host: str, port: int, tls: XdsTls | AgentTls | None) -> Cluster:
    """The control plane. Keepalive, because without it a half-open connection hangs for ever."""
    keepalive = KeepaliveSettings(interval=timedelta(seconds=30), timeout=timedelta(seconds=5))
    options = HttpProtocolOptions(
        explicit_http_config=HttpProtocolOptionsExplicitHttpConfig(
            http2_protocol_options=Http2ProtocolOptions(connection_keepalive=keepalive)
        )
    )
    endpoint = LbEndpoint(endpoint=Endpoint(address=_socket(host, port)))
    return Cluster(
        name=XDS_CLUSTER,
        type=ClusterDiscoveryType.STATIC if is_ip(host) else ClusterDiscoveryType.STRICT_DNS,
        connect_timeout=_CONNECT_TLS if tls is not None else _CONNECT,
        transport_socket=xds_socket(tls, host) if tls is not None else None,
        typed_extension_protocol_options={"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": pack_any(options)},
        load_assignment=ClusterLoadAssignment(
            cluster_name=XDS_CLUSTER, endpoints=[LocalityLbEndpoints(lb_endpoints=[endpoint])]
        ),
    )


def _local_cluster() -> Cluster:
    """The instances of the proxy's own service, by which it knows how traffic comes to its zone."""
    source = ConfigSource(ads=AggregatedConfigSource(), resource_api_version=ApiVersion.V3)
    return Cluster(
        name=LOCAL_CLUSTER,
        type=ClusterDiscoveryType.EDS,
        eds_cluster_config=ClusterEdsClusterConfig(eds_config=source),
        connect_timeout=timedelta(seconds=1),
    )


def _udp(host: str, port: int) -> Address:
    return Address(socket_address=SocketAddress(address=host, port_value=port, protocol=SocketAddressProtocol.UDP))


def _socket(host: str, port: int) -> Address:
    return Address(socket_address=SocketAddress(address=host, port_value=port))
