"""Access logs that are told to a service of the mesh over gRPC.

The service is known by the name of its cluster; while a proxy has none of that name, what is told is lost.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from envoy_data_plane.envoy.config.accesslog.v3 import AccessLog
from envoy_data_plane.envoy.config.core.v3 import ApiVersion, GrpcService, GrpcServiceEnvoyGrpc
from envoy_data_plane.envoy.extensions.access_loggers.grpc.v3 import (
    CommonGrpcAccessLogConfig,
    HttpGrpcAccessLogConfig,
    TcpGrpcAccessLogConfig,
)
from envoy_data_plane.envoy.extensions.access_loggers.open_telemetry.v3 import OpenTelemetryAccessLogConfig
from envoy_data_plane.opentelemetry.proto.common.v1 import AnyValue, ArrayValue, KeyValue, KeyValueList

from translators.listener.access_log_format import TEXT_FORMAT
from translators.names import outbound_cluster
from xds.model.providers import HttpAccessLogService, OpenTelemetryAccessLog, ProviderService, TcpAccessLogService
from xds.wire.encode import pack_any

_HTTP_LOG, _TCP_LOG, _OPEN_TELEMETRY_LOG = "http_envoy_accesslog", "tcp_envoy_accesslog", "otel_envoy_accesslog"
"""What Istio calls logs that are given no name."""


def http_service_log(provider: HttpAccessLogService) -> AccessLog:
    """Envoy's own protocol, entries for HTTP."""
    config = HttpGrpcAccessLogConfig(
        common_config=_common(provider.service, provider.log_name or _HTTP_LOG, provider.filter_state),
        additional_request_headers_to_log=list(provider.request_headers),
        additional_response_headers_to_log=list(provider.response_headers),
        additional_response_trailers_to_log=list(provider.response_trailers),
    )
    return AccessLog(name="envoy.access_loggers.http_grpc", typed_config=pack_any(config))


def tcp_service_log(provider: TcpAccessLogService) -> AccessLog:
    """Envoy's own protocol, entries for TCP."""
    common = _common(provider.service, provider.log_name or _TCP_LOG, provider.filter_state)
    config = TcpGrpcAccessLogConfig(common_config=common)
    return AccessLog(name="envoy.access_loggers.tcp_grpc", typed_config=pack_any(config))


def open_telemetry_log(provider: OpenTelemetryAccessLog) -> AccessLog:
    """OpenTelemetry's protocol, for both."""
    body = provider.format.text or TEXT_FORMAT
    labels: Mapping[str, object] = json.loads(provider.format.labels) if provider.format.labels else {}
    config = OpenTelemetryAccessLogConfig(
        grpc_service=_grpc(provider.service),
        log_name=provider.log_name or _OPEN_TELEMETRY_LOG,
        disable_builtin_labels=True,
        body=AnyValue(string_value=body),
        attributes=_attributes(labels) if labels else None,
    )
    return AccessLog(name="envoy.access_loggers.open_telemetry", typed_config=pack_any(config))


def _common(service: ProviderService, name: str, filter_state: tuple[str, ...]) -> CommonGrpcAccessLogConfig:
    return CommonGrpcAccessLogConfig(
        log_name=name,
        grpc_service=_grpc(service),
        transport_api_version=ApiVersion.V3,
        filter_state_objects_to_log=list(filter_state),
    )


def _grpc(service: ProviderService) -> GrpcService:
    cluster = outbound_cluster(service.port, service.hostname)
    return GrpcService(envoy_grpc=GrpcServiceEnvoyGrpc(cluster_name=cluster, authority=service.hostname))


def _attributes(values: Mapping[str, object]) -> KeyValueList:
    return KeyValueList(values=[KeyValue(key=name, value=_value(value)) for name, value in values.items()])


def _value(value: object) -> AnyValue:
    """Envoy takes texts, which are formats, lists and objects: other scalars are written out."""
    match value:
        case str():
            return AnyValue(string_value=value)
        case Mapping():
            return AnyValue(kvlist_value=_attributes(value))
        case list():
            return AnyValue(array_value=ArrayValue(values=[_value(item) for item in value]))
        case _:
            return AnyValue(string_value=json.dumps(value))
