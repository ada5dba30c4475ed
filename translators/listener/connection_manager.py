"""HTTP connection managers, as `HttpConnection` parts: everything but their HTTP filters."""

from __future__ import annotations

from datetime import timedelta

from envoy_data_plane.envoy.config.core.v3 import (
    AggregatedConfigSource,
    ApiVersion,
    ConfigSource,
    Http1ProtocolOptions,
)
from envoy_data_plane.envoy.config.route.v3 import RouteConfiguration
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManager,
    HttpConnectionManagerForwardClientCertDetails,
    HttpConnectionManagerPathWithEscapedSlashesAction,
    HttpConnectionManagerSetCurrentClientCertDetails,
    HttpConnectionManagerUpgradeConfig,
    Rds,
)

from translators.listener.access_log import access_logs
from xds.model.settings import ForwardClientCertDetails, MeshSettings, PathNormalization
from xds.pipeline.contribution import Direction, HttpConnection
from xds.wire.encode import encode

SERVER_NAME = "istio-envoy"
"""What inbound and gateway proxies call themselves in the ``server`` header. Istio's outbound ones say ``envoy``."""

_NO_LIMIT = timedelta(0)
_CERTIFICATES = {
    ForwardClientCertDetails.UNDEFINED: HttpConnectionManagerForwardClientCertDetails.SANITIZE_SET,
    ForwardClientCertDetails.SANITIZE: HttpConnectionManagerForwardClientCertDetails.SANITIZE,
    ForwardClientCertDetails.FORWARD_ONLY: HttpConnectionManagerForwardClientCertDetails.FORWARD_ONLY,
    ForwardClientCertDetails.APPEND_FORWARD: HttpConnectionManagerForwardClientCertDetails.APPEND_FORWARD,
    ForwardClientCertDetails.SANITIZE_SET: HttpConnectionManagerForwardClientCertDetails.SANITIZE_SET,
    ForwardClientCertDetails.ALWAYS_FORWARD_ONLY: HttpConnectionManagerForwardClientCertDetails.ALWAYS_FORWARD_ONLY,
}
_MERGING = (PathNormalization.MERGE_SLASHES, PathNormalization.DECODE_AND_MERGE_SLASHES)
_UNESCAPE = HttpConnectionManagerPathWithEscapedSlashesAction.UNESCAPE_AND_FORWARD
_AS_ENVOY_DOES = HttpConnectionManagerPathWithEscapedSlashesAction.IMPLEMENTATION_SPECIFIC_DEFAULT


def outbound_http(address: str, port: int, route: str, settings: MeshSettings) -> HttpConnection:
    """For requests of the workload. route: the RouteConfiguration to ask for."""
    manager = _manager(f"outbound_{address}_{port};", settings)
    manager.rds = _rds(route)
    manager.use_remote_address = False
    return HttpConnection(encode(manager), Direction.OUTBOUND, port)


def inbound_http(address: str, port: int, route: RouteConfiguration, settings: MeshSettings) -> HttpConnection:
    """For requests to the workload, which listens on ``port``."""
    manager = _manager(f"inbound_{address}_{port};", settings)
    manager.route_config = route
    manager.server_name = SERVER_NAME
    manager.use_remote_address = False
    return HttpConnection(encode(manager), Direction.INBOUND, port)


def gateway_http(address: str, port: int, route: str, settings: MeshSettings, server_name: str = "") -> HttpConnection:
    """For requests from outside the mesh: what they say about their sender is not believed, unless the mesh says so.

    server_name: what its statistics are called by, if it has one.
    """
    manager = _manager(server_name or f"outbound_{address}_{port};", settings)
    manager.rds = _rds(route)
    manager.server_name = SERVER_NAME
    manager.use_remote_address = True
    manager.xff_num_trusted_hops = settings.proxy.trusted_proxies
    manager.forward_client_cert_details = _CERTIFICATES[settings.proxy.forward_client_cert]
    manager.set_current_client_cert_details = HttpConnectionManagerSetCurrentClientCertDetails(
        subject=True, cert=True, dns=True, uri=True
    )
    return HttpConnection(encode(manager), Direction.GATEWAY, port)


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
        access_log=access_logs(settings),
    )


def _rds(route: str) -> Rds:
    source = ConfigSource(ads=AggregatedConfigSource(), resource_api_version=ApiVersion.V3)
    return Rds(config_source=source, route_config_name=route)
