"""The access logs of a proxy: those that the mesh uses by default, or else the file that its settings name."""

from __future__ import annotations

from collections.abc import Iterator

from envoy_data_plane.envoy.config.accesslog.v3 import AccessLog, AccessLogFilter, ResponseFlagFilter
from envoy_data_plane.envoy.extensions.access_loggers.file.v3 import FileAccessLog as EnvoyFileAccessLog

from translators.listener.access_log_format import json_format, text_format
from translators.listener.access_log_services import http_service_log, open_telemetry_log, tcp_service_log
from xds.model.providers import (
    AccessLogProvider,
    FileAccessLog,
    HttpAccessLogService,
    OpenTelemetryAccessLog,
    TcpAccessLogService,
)
from xds.model.settings import AccessLogEncoding, MeshSettings
from xds.wire.encode import pack_any

_NO_FILTER_CHAIN = "NR"


def http_logs(settings: MeshSettings) -> list[AccessLog]:
    """For requests."""
    return list(_logs(settings, unless=TcpAccessLogService))


def tcp_logs(settings: MeshSettings) -> list[AccessLog]:
    """For connections that are forwarded as they are."""
    return list(_logs(settings, unless=HttpAccessLogService))


def listener_logs(settings: MeshSettings) -> list[AccessLog]:
    """For connections that no filter chain is for: nobody else would tell of them."""
    if not settings.listener_log:
        return []
    refused = AccessLogFilter(response_flag_filter=ResponseFlagFilter(flags=[_NO_FILTER_CHAIN]))
    return [AccessLog(name=log.name, typed_config=log.typed_config, filter=refused) for log in tcp_logs(settings)]


def _logs(settings: MeshSettings, *, unless: type[AccessLogProvider]) -> Iterator[AccessLog]:
    """unless: the kind of provider that is for other traffic."""
    if settings.access_logs:
        yield from (_log(provider) for provider in settings.access_logs if not isinstance(provider, unless))
    elif settings.access_log_file:
        yield _from_settings(settings)


def _from_settings(settings: MeshSettings) -> AccessLog:
    as_json = settings.access_log_encoding is AccessLogEncoding.JSON
    log_format = (json_format if as_json else text_format)(settings.access_log_format)
    return _written(EnvoyFileAccessLog(path=settings.access_log_file, log_format=log_format))


def _log(provider: AccessLogProvider) -> AccessLog:
    match provider:
        case FileAccessLog():
            return _file(provider)
        case HttpAccessLogService():
            return http_service_log(provider)
        case TcpAccessLogService():
            return tcp_service_log(provider)
        case OpenTelemetryAccessLog():
            return open_telemetry_log(provider)


def _file(provider: FileAccessLog) -> AccessLog:
    given = provider.format
    chosen = json_format if given.labels else text_format
    log_format = chosen(given.labels or given.text, omit_empty=provider.omit_empty)
    return _written(EnvoyFileAccessLog(path=provider.path, log_format=log_format))


def _written(config: EnvoyFileAccessLog) -> AccessLog:
    return AccessLog(name="envoy.access_loggers.file", typed_config=pack_any(config))
