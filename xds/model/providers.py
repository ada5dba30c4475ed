"""Services outside the proxies that they report to or ask (Istio ``MeshConfig.extensionProviders``)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from xds.model.objects import Origin


@dataclass(frozen=True, slots=True)
class ProviderService:
    """Where a provider is: a port of a service of the mesh. namespace: empty if the host is clear without it.

    path: of the field that names the host. origin: where that is written.
    """

    hostname: str
    port: int
    namespace: str = ""
    path: str = ""
    origin: Origin | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class LogFormat:
    """What is logged. labels: a JSON object, whose strings are formats in their turn; instead of text. Empty: unset."""

    text: str = ""
    labels: str = ""


@dataclass(frozen=True, slots=True)
class FileAccessLog:
    """Istio ``EnvoyFileAccessLogProvider``: a line for each request or connection. omit_empty: what has no value."""

    path: str = "/dev/stdout"
    format: LogFormat = LogFormat()
    omit_empty: bool = False


@dataclass(frozen=True, slots=True)
class HttpAccessLogService:
    """Istio ``EnvoyHttpGrpcV3LogProvider``: requests are told to a service. The rest is told beside the usual."""

    service: ProviderService
    log_name: str = ""
    filter_state: tuple[str, ...] = ()
    request_headers: tuple[str, ...] = ()
    response_headers: tuple[str, ...] = ()
    response_trailers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TcpAccessLogService:
    """Istio ``EnvoyTcpGrpcV3LogProvider``: connections are told to a service."""

    service: ProviderService
    log_name: str = ""
    filter_state: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenTelemetryAccessLog:
    """Istio ``EnvoyOpenTelemetryLogProvider``. format: its text is the body of an entry, its labels are attributes."""

    service: ProviderService
    log_name: str = ""
    format: LogFormat = LogFormat()


AccessLogProvider: TypeAlias = FileAccessLog | HttpAccessLogService | TcpAccessLogService | OpenTelemetryAccessLog


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider. kind: the field of Istio's message that it is. service: where it is, None if it is no service.

    access_log: what it is for logs, None if it is none.
    """

    name: str
    kind: str
    service: ProviderService | None = None
    access_log: AccessLogProvider | None = None


BUILT_IN = (
    Provider("envoy", "envoyFileAccessLog", access_log=FileAccessLog()),
    Provider("prometheus", "prometheus"),
    Provider("stackdriver", "stackdriver"),
)
"""Those that Istio has in every mesh. One that is given has its name instead."""
