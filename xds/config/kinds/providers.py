"""Istio ``MeshConfig.extensionProviders``, and which of them are used by default."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final

from xds.config.document import format_path
from xds.config.kinds.external_authorization import (
    HONOURED_GRPC,
    HONOURED_HTTP,
    parse_grpc_authorization,
    parse_http_authorization,
)
from xds.config.reader import Reader
from xds.config.scalars import parse_dns_label, parse_exact_host
from xds.model.providers import (
    BUILT_IN,
    AccessLogProvider,
    ExternalAuthorization,
    FileAccessLog,
    HttpAccessLogService,
    LogFormat,
    OpenTelemetryAccessLog,
    Provider,
    ProviderService,
    TcpAccessLogService,
)

HONOURED_PROVIDERS: Final[Mapping[str, str]] = {
    "extensionProviders": "name",
    "extensionProviders.envoyExtAuthzGrpc": HONOURED_GRPC,
    "extensionProviders.envoyExtAuthzHttp": HONOURED_HTTP,
    "extensionProviders.envoyFileAccessLog": "path omitEmptyValues logFormat.text logFormat.labels",
    "extensionProviders.envoyHttpAls": (
        "service port logName filterStateObjectsToLog additionalRequestHeadersToLog additionalResponseHeadersToLog"
        " additionalResponseTrailersToLog"
    ),
    "extensionProviders.envoyTcpAls": "service port logName filterStateObjectsToLog",
    "extensionProviders.envoyOtelAls": "service port logName logFormat.text logFormat.labels",
}
"""The honoured fields of providers, by what they are below."""

_LOGS: Final = frozenset({"envoyFileAccessLog", "envoyHttpAls", "envoyTcpAls", "envoyOtelAls"})
_TRACERS: Final = frozenset(
    {"zipkin", "lightstep", "datadog", "stackdriver", "opencensus", "skywalking", "opentelemetry"}
)
_DEFAULTS: Final[Mapping[str, frozenset[str]]] = {
    "accessLogging": _LOGS | {"stackdriver"},
    "tracing": _TRACERS,
    "metrics": frozenset({"prometheus", "stackdriver"}),
}
"""By list of defaults, the kinds of provider that can do it."""


def parse_providers(reader: Reader) -> tuple[Provider, ...]:
    """All that are given, and those of Istio whose names are not."""
    given: dict[str, Provider] = {}
    for item in reader.items("extensionProviders"):
        provider = _provider(item)
        if provider.name in given:
            item.error("name", f"there is another provider {provider.name}", "duplicate")
        given.setdefault(provider.name, provider)
    return (*given.values(), *(each for each in BUILT_IN if each.name not in given))


def default_access_logs(reader: Reader, providers: tuple[Provider, ...]) -> tuple[AccessLogProvider, ...]:
    """What ``defaultProviders.accessLogging`` names. Names of any default that cannot be meant are errors."""
    defaults = reader.section("defaultProviders")
    by_name = {provider.name: provider for provider in providers}
    for use, kinds in _DEFAULTS.items():
        for index, name in enumerate(defaults.strings(use)):
            provider = by_name.get(name)
            if provider is None:
                known = ", ".join(sorted(each.name for each in providers if each.kind in kinds)) or "none"
                defaults.error((use, index), f"there is no provider {name}; known are: {known}")
            elif provider.kind not in kinds:
                defaults.error((use, index), f"{name} is {provider.kind}, which is not for {use}")
    found = (by_name.get(name) for name in dict.fromkeys(defaults.strings("accessLogging")))
    return tuple(each.access_log for each in found if each is not None and each.access_log is not None)


def _provider(item: Reader) -> Provider:
    kind = next((field for field in item.value if field != "name" and item.has(field)), "")
    config = item.section(kind)
    service = _service(config) if config.has("service") else None
    log, authorization = _ACCESS_LOGS.get(kind), _AUTHORIZATIONS.get(kind)
    return Provider(
        item.text("name"),
        kind,
        service,
        access_log=log(config, service) if log is not None else None,
        authorization=authorization(config, _required(service)) if authorization is not None else None,
    )


def _service(config: Reader) -> ProviderService:
    """``host`` or ``namespace/host``."""
    namespace, _, hostname = config.text("service").rpartition("/")
    return ProviderService(
        hostname=config.parsed("service", lambda _: parse_exact_host(hostname), ""),
        port=config.integer("port"),
        namespace=config.parsed("service", lambda _: parse_dns_label(namespace), "") if namespace else "",
        path=format_path((*config.path, "service")),
        origin=config.origin_of("service"),
    )


def _file(config: Reader, _service: ProviderService | None) -> AccessLogProvider:
    return FileAccessLog(
        path=config.text("path") or FileAccessLog().path,
        format=_format(config),
        omit_empty=config.flag("omitEmptyValues"),
    )


def _http(config: Reader, service: ProviderService | None) -> AccessLogProvider:
    return HttpAccessLogService(
        service=_required(service),
        log_name=config.text("logName"),
        filter_state=config.strings("filterStateObjectsToLog"),
        request_headers=config.strings("additionalRequestHeadersToLog"),
        response_headers=config.strings("additionalResponseHeadersToLog"),
        response_trailers=config.strings("additionalResponseTrailersToLog"),
    )


def _tcp(config: Reader, service: ProviderService | None) -> AccessLogProvider:
    return TcpAccessLogService(_required(service), config.text("logName"), config.strings("filterStateObjectsToLog"))


def _otel(config: Reader, service: ProviderService | None) -> AccessLogProvider:
    return OpenTelemetryAccessLog(_required(service), config.text("logName"), _format(config))


def _required(service: ProviderService | None) -> ProviderService:
    if service is None:
        raise TypeError("the schema let through a provider without a service")
    return service


def _format(config: Reader) -> LogFormat:
    log_format = config.section("logFormat")
    labels = log_format.raw_value("labels")
    return LogFormat(log_format.text("text"), json.dumps(labels) if labels is not None else "")


_ACCESS_LOGS: Final[Mapping[str, Callable[[Reader, ProviderService | None], AccessLogProvider]]] = {
    "envoyFileAccessLog": _file,
    "envoyHttpAls": _http,
    "envoyTcpAls": _tcp,
    "envoyOtelAls": _otel,
}
_AUTHORIZATIONS: Final[Mapping[str, Callable[[Reader, ProviderService], ExternalAuthorization]]] = {
    "envoyExtAuthzGrpc": parse_grpc_authorization,
    "envoyExtAuthzHttp": parse_http_authorization,
}
