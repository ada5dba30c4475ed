"""Services outside the proxies that they report to or ask (Istio ``MeshConfig.extensionProviders``)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeAlias

from xds.model.labels import EMPTY_LABELS, Labels
from xds.model.objects import Origin
from xds.model.services import Service


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

    def is_of(self, service: Service) -> bool:
        """Whether ``service`` is the one that is meant."""
        return self.hostname == service.hostname and self.namespace in ("", service.meta.namespace)


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
class CheckedBody:
    """Istio ``EnvoyExternalAuthorizationRequestBody``: what of a request's body is shown to an authorization service.

    max_bytes: no more than this, at least 1. partial: whether the beginning of a longer body is shown; otherwise such a
    request is refused with 413. as_bytes: as bytes, not as text, which has to be UTF-8; counts for gRPC alone.
    """

    max_bytes: int
    partial: bool = False
    as_bytes: bool = False


@dataclass(frozen=True, slots=True)
class HttpCheck:
    """What an authorization service that speaks HTTP is told, and what is done with its answer's headers.

    path_prefix: before the path of the request. request_headers: those of the request that it is sent beside method,
    path, host and authorization; additional_headers: more, with their values. to_upstream: headers of an answer that
    allows that the request is given; to_client_on_allow, to_client_on_deny: headers of the answer that the client gets.
    Names of headers are in lower case; a ``*`` at one end stands for anything.
    """

    path_prefix: str = ""
    request_headers: tuple[str, ...] = ()
    additional_headers: Labels = EMPTY_LABELS
    to_upstream: tuple[str, ...] = ()
    to_client_on_allow: tuple[str, ...] = ()
    to_client_on_deny: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExternalAuthorization:
    """Istio ``EnvoyExternalAuthorizationGrpcProvider`` and ``...HttpProvider``: a service that decides on requests.

    http: how it is asked over HTTP; None if it is asked over gRPC, which alone can decide on connections. timeout: for
    its answer. fail_open: whether a request passes of which it says nothing; otherwise it is refused with
    status_on_error. clear_route_cache: whether the route is chosen anew once the service has changed the request. body:
    None if it is not shown any.
    """

    service: ProviderService
    http: HttpCheck | None = None
    timeout: timedelta = timedelta(seconds=600)
    fail_open: bool = False
    status_on_error: int = 403
    clear_route_cache: bool = False
    body: CheckedBody | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider. kind: the field of Istio's message that it is. service: where it is, None if it is no service.

    access_log: what it is for logs, None if it is none; authorization: what it is for action CUSTOM of an
    AuthorizationPolicy.
    """

    name: str
    kind: str
    service: ProviderService | None = None
    access_log: AccessLogProvider | None = None
    authorization: ExternalAuthorization | None = None


BUILT_IN = (
    Provider("envoy", "envoyFileAccessLog", access_log=FileAccessLog()),
    Provider("prometheus", "prometheus"),
    Provider("stackdriver", "stackdriver"),
)
"""Those that Istio has in every mesh. One that is given has its name instead."""
