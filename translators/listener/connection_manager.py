"""HTTP connection managers, as `HttpConnection` parts: everything but their HTTP filters."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from envoy_data_plane.envoy.config.core.v3 import (
    AggregatedConfigSource,
    ApiVersion,
    ConfigSource,
    Http1ProtocolOptions,
    Http3ProtocolOptions,
)
from envoy_data_plane.envoy.config.route.v3 import RouteConfiguration
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManager,
    HttpConnectionManagerCodecType,
    HttpConnectionManagerPathWithEscapedSlashesAction,
    HttpConnectionManagerUpgradeConfig,
    Rds,
)

from translators.listener.access_log import http_logs
from translators.listener.proxy_settings import FORWARDED, apply_connections, apply_headers, client_cert
from xds.model.proxy_settings import ClientCertDetails, ForwardClientCertDetails
from xds.model.settings import MeshSettings, PathNormalization
from xds.pipeline.contribution import Direction, HttpConnection
from xds.wire.encode import encode

SERVER_NAME = "istio-envoy"
"""What inbound and gateway proxies call themselves in the ``server`` header. Istio's outbound ones say ``envoy``."""

_NO_LIMIT = timedelta(0)
_TO_WORKLOADS, _AT_GATEWAYS = ForwardClientCertDetails.APPEND_FORWARD, ForwardClientCertDetails.SANITIZE_SET
_WITH_CERTIFICATE = ClientCertDetails(cert=True)
_MERGING = (PathNormalization.MERGE_SLASHES, PathNormalization.DECODE_AND_MERGE_SLASHES)
_UNESCAPE = HttpConnectionManagerPathWithEscapedSlashesAction.UNESCAPE_AND_FORWARD
_AS_ENVOY_DOES = HttpConnectionManagerPathWithEscapedSlashesAction.IMPLEMENTATION_SPECIFIC_DEFAULT


def outbound_http(address: str, port: int, route: str, settings: MeshSettings) -> HttpConnection:
    """For requests of the workload. route: the RouteConfiguration to ask for."""
    manager = _manager(f"outbound_{address}_{port};", settings)
    manager.rds = _rds(route)
    manager.use_remote_address = False
    return _connection(manager, Direction.OUTBOUND, port, settings)


def inbound_http(
    address: str, port: int, route: RouteConfiguration, settings: MeshSettings, *, mtls: bool = False
) -> HttpConnection:
    """For requests to the workload, which listens on ``port``. mtls: the workload is told who sent them."""
    manager = _manager(f"inbound_{address}_{port};", settings)
    manager.route_config = route
    manager.server_name = SERVER_NAME
    manager.use_remote_address = False
    headers = settings.proxy.headers
    manager.forward_client_cert_details = FORWARDED.get(headers.forwarded_client_cert, FORWARDED[_TO_WORKLOADS])
    manager.set_current_client_cert_details = client_cert(headers.client_cert or ClientCertDetails())
    return replace(_connection(manager, Direction.INBOUND, port, settings), mtls=mtls)


def gateway_http(
    address: str, port: int, route: str, settings: MeshSettings, server_name: str = "", *, http3: bool = False
) -> HttpConnection:
    """For requests from outside the mesh: what they say about their sender is not believed, unless the mesh says so.

    server_name: what its statistics are called by, if it has one. http3: over QUIC, instead of over TCP.
    """
    manager = _manager(server_name or f"outbound_{address}_{port};", settings)
    manager.rds = _rds(route)
    manager.server_name = SERVER_NAME
    manager.use_remote_address = True
    manager.xff_num_trusted_hops = settings.proxy.trusted_proxies
    manager.forward_client_cert_details = FORWARDED.get(settings.proxy.forward_client_cert, FORWARDED[_AT_GATEWAYS])
    manager.set_current_client_cert_details = client_cert(settings.proxy.headers.client_cert or _WITH_CERTIFICATE)
    if http3:
        manager.codec_type = HttpConnectionManagerCodecType.HTTP3
        manager.http3_protocol_options = Http3ProtocolOptions()
    return _connection(manager, Direction.GATEWAY, port, settings)


def _manager(stat_prefix: str, settings: MeshSettings) -> HttpConnectionManager:
    merges = settings.path_normalization in _MERGING
    unescapes = settings.path_normalization is PathNormalization.DECODE_AND_MERGE_SLASHES
    return HttpConnectionManager(
        stat_prefix=stat_prefix,
        http_protocol_options=Http1ProtocolOptions(accept_http_10=True),
        upgrade_configs=[HttpConnectionManagerUpgradeConfig(upgrade_type="websocket")],
        normalize_path=settings.path_normalization is not PathNormalization.NONE,
        merge_slashes=merges,
        path_with_escaped_slashes_action=_UNESCAPE if unescapes else _AS_ENVOY_DOES,
        stream_idle_timeout=_NO_LIMIT,
        access_log=http_logs(settings),
    )


def _connection(
    manager: HttpConnectionManager, direction: Direction, port: int, settings: MeshSettings
) -> HttpConnection:
    connections = settings.proxy.connections
    apply_connections(manager, connections.of_gateway if direction is Direction.GATEWAY else connections)
    apply_headers(manager, settings.proxy.headers)
    return HttpConnection(encode(manager), direction, port)


def _rds(route: str) -> Rds:
    source = ConfigSource(ads=AggregatedConfigSource(), resource_api_version=ApiVersion.V3)
    return Rds(config_source=source, route_config_name=route)
