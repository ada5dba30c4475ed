"""What single proxies are given (Istio mesh ``ProxyConfig``): MeshConfig ``defaultConfig``, and the Pod's own."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from enum import Enum
from typing import Final

from xds.model.labels import EMPTY_LABELS, Labels


class ForwardClientCertDetails(Enum):
    """Istio ``ForwardClientCertDetails``: what a proxy does with ``x-forwarded-client-cert``."""

    UNDEFINED = "UNDEFINED"
    SANITIZE = "SANITIZE"
    FORWARD_ONLY = "FORWARD_ONLY"
    APPEND_FORWARD = "APPEND_FORWARD"
    SANITIZE_SET = "SANITIZE_SET"
    ALWAYS_FORWARD_ONLY = "ALWAYS_FORWARD_ONLY"


class UnderscoresAction(Enum):
    """What is done with request headers that have ``_`` in their names (Envoy ``HeadersWithUnderscoresAction``)."""

    ALLOW = "HEADERS_WITH_UNDERSCORES_ALLOW"
    REJECT_REQUEST = "HEADERS_WITH_UNDERSCORES_REJECT_REQUEST"
    DROP_HEADER = "HEADERS_WITH_UNDERSCORES_DROP_HEADER"


class EscapedSlashesAction(Enum):
    """What is done with ``%2F`` and ``%5C`` in paths (Envoy ``PathWithEscapedSlashesAction``)."""

    KEEP_UNCHANGED = "KEEP_UNCHANGED"
    REJECT_REQUEST = "REJECT_REQUEST"
    UNESCAPE_AND_REDIRECT = "UNESCAPE_AND_REDIRECT"
    UNESCAPE_AND_FORWARD = "UNESCAPE_AND_FORWARD"


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """Istio ``ProxyConfig.ConnectionSettings``: the side of the clients. None is unset.

    Buffer limits and windows are bytes. listener_connections: for each filter chain of a listener. all_connections: of
    the whole proxy, told to it when it starts. edge: gateways take `EDGE` for what is unset.
    """

    edge: bool = False
    listener_buffer: int | None = None
    cluster_buffer: int | None = None
    listener_connections: int | None = None
    all_connections: int | None = None
    idle_timeout: timedelta | None = None
    max_connection_duration: timedelta | None = None
    max_stream_duration: timedelta | None = None
    stream_idle_timeout: timedelta | None = None
    request_timeout: timedelta | None = None
    request_headers_timeout: timedelta | None = None
    drain_timeout: timedelta | None = None
    max_concurrent_streams: int | None = None
    stream_window: int | None = None
    connection_window: int | None = None
    underscores: UnderscoresAction | None = None
    merge_slashes: bool | None = None
    escaped_slashes: EscapedSlashesAction | None = None

    @property
    def of_gateway(self) -> ConnectionSettings:
        """These settings as a gateway has them."""
        unset = (each.name for each in fields(self) if getattr(self, each.name) is None)
        return replace(self, **{name: getattr(EDGE, name) for name in unset}) if self.edge else self


EDGE: Final = ConnectionSettings(
    listener_buffer=32 * 1024,
    cluster_buffer=32 * 1024,
    idle_timeout=timedelta(hours=1),
    stream_idle_timeout=timedelta(minutes=5),
    request_timeout=timedelta(minutes=5),
    request_headers_timeout=timedelta(minutes=1),
    max_concurrent_streams=100,
    stream_window=64 * 1024,
    connection_window=1024 * 1024,
    underscores=UnderscoresAction.REJECT_REQUEST,
    merge_slashes=True,
    escaped_slashes=EscapedSlashesAction.UNESCAPE_AND_REDIRECT,
)
"""The profile of that name: what Envoy's authors advise where clients are not to be trusted."""


@dataclass(frozen=True, slots=True)
class ClientCertDetails:
    """Which parts of a client's certificate a proxy tells in ``x-forwarded-client-cert``; Istio's defaults."""

    subject: bool = True
    cert: bool = False
    chain: bool = False
    dns: bool = True
    uri: bool = True


@dataclass(frozen=True, slots=True)
class ProxyHeaders:
    """Istio ``ProxyConfig.ProxyHeaders``: the headers that a proxy adds by itself.

    forwarded_client_cert: of sidecars, inbound. server: empty for Istio's; server_disabled: that of the answer stays.
    client_cert: None for Istio's choice. preserve_case: of HTTP/1 headers. x_forwarded_host: where a host is rewritten.
    """

    attempt_count: bool = True
    debug_headers: bool = True
    forwarded_client_cert: ForwardClientCertDetails = ForwardClientCertDetails.UNDEFINED
    client_cert: ClientCertDetails | None = None
    preserve_case: bool = False
    request_id: bool = True
    server: str = ""
    server_disabled: bool = False
    x_forwarded_host: bool = False
    x_forwarded_port: bool = False


@dataclass(frozen=True, slots=True)
class ProxyDefaults:
    """Istio ``ProxyConfig`` (MeshConfig ``defaultConfig``), as far as it is honoured.

    Of the first group proxies are told when they start, by their bootstrap: admin_port, 0 for the usual one; metadata:
    of the node, under the names without ``ISTIO_META_``; service_cluster: of the node, empty for the usual one;
    runtime_values: of Envoy's runtime; statsd: ``IP:PORT``. The second group is for gateways: how many proxies before
    them are to be believed, what becomes of the certificates that they speak of, and whether connections begin with a
    PROXY header. The third is for both.
    """

    admin_port: int = 0
    metadata: Labels = EMPTY_LABELS
    service_cluster: str = ""
    runtime_values: Labels = EMPTY_LABELS
    statsd: str = ""

    trusted_proxies: int = 0
    forward_client_cert: ForwardClientCertDetails = ForwardClientCertDetails.UNDEFINED
    proxy_protocol: bool = False

    connections: ConnectionSettings = ConnectionSettings()
    headers: ProxyHeaders = ProxyHeaders()


@dataclass(frozen=True, slots=True)
class ProxyOverride:
    """What a Pod says of its own proxy (annotation ``proxy.istio.io/config``).

    given: fields of `ProxyDefaults` that it says; headers: those of `ProxyHeaders`. values: what it says.
    """

    given: frozenset[str] = field(default_factory=frozenset)
    headers: frozenset[str] = field(default_factory=frozenset)
    values: ProxyDefaults = ProxyDefaults()

    def over(self, defaults: ProxyDefaults) -> ProxyDefaults:
        """``defaults`` with what is given instead. As in Istio, metadata and headers are replaced one by one."""
        said = {name: getattr(self.values, name) for name in self.given}
        headers = {name: getattr(self.values.headers, name) for name in self.headers}
        return replace(
            defaults,
            **said,
            metadata=Labels({**defaults.metadata, **self.values.metadata}),
            headers=replace(defaults.headers, **headers),
        )
