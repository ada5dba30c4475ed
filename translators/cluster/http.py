"""How HTTP is spoken to an upstream: Envoy's ``HttpProtocolOptions`` extension of a cluster."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum

from envoy_data_plane.envoy.config.common.matcher.v3 import HttpHeadersMatch, MatchPredicate
from envoy_data_plane.envoy.config.core.v3 import (
    Http1ProtocolOptions,
    Http2ProtocolOptions,
    KeepaliveSettings,
    UpstreamHttpProtocolOptions,
)
from envoy_data_plane.envoy.config.core.v3 import HttpProtocolOptions as CommonHttpProtocolOptions
from envoy_data_plane.envoy.config.route.v3 import HeaderMatcher
from envoy_data_plane.envoy.extensions.upstreams.http.v3 import (
    HttpProtocolOptions,
    HttpProtocolOptionsExplicitHttpConfig,
    HttpProtocolOptionsOutlierDetection,
    HttpProtocolOptionsUseDownstreamHttpConfig,
)
from envoy_data_plane.envoy.type.matcher.v3 import RegexMatcher, StringMatcher

from translators.header_case import preserved_case
from xds.model.policy import (
    ConnectionPoolSettings,
    H2UpgradePolicy,
    Http2KeepAlive,
    HTTPSettings,
    OutlierDetection,
    TCPSettings,
)
from xds.model.services import Protocol

HTTP_PROTOCOL_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
"""The key of this extension in ``Cluster.typed_extension_protocol_options``."""

_MAX_CONCURRENT_STREAMS = 2**30
_PASSTHROUGH_IDLE_TIMEOUT = timedelta(minutes=5)
_PING_TIMEOUT = timedelta(seconds=5)


class UpstreamProtocol(Enum):
    """The HTTP version towards the upstream."""

    HTTP1 = "http1"
    HTTP2 = "http2"
    AS_DOWNSTREAM = "as-downstream"


def upstream_protocol(protocol: Protocol, pool: ConnectionPoolSettings | None, *, sniffed: bool) -> UpstreamProtocol:
    """What a port's protocol and its pool ask for. sniffed: whether undeclared protocols are detected by the proxy."""
    http = pool.http if pool is not None else None
    if http is not None and http.h2_upgrade_policy is H2UpgradePolicy.UPGRADE:
        return UpstreamProtocol.HTTP2
    if http is not None and http.use_client_protocol:
        return UpstreamProtocol.AS_DOWNSTREAM
    if protocol.is_http2:
        return UpstreamProtocol.HTTP2
    if protocol is Protocol.UNSUPPORTED and sniffed:
        return UpstreamProtocol.AS_DOWNSTREAM
    return UpstreamProtocol.HTTP1


def http_options(
    protocol: UpstreamProtocol,
    pool: ConnectionPoolSettings | None = None,
    upstream: UpstreamHttpProtocolOptions | None = None,
    outlier: OutlierDetection | None = None,
    *,
    preserve_case: bool = False,
) -> HttpProtocolOptions | None:
    """The extension, or None where Envoy's defaults (HTTP/1.1) do.

    upstream: what TLS takes from a request's host. preserve_case: of the names of HTTP/1 headers.
    """
    common, errors = _common(pool), _errors(outlier)
    asked = any(each is not None for each in (common, upstream, errors)) or preserve_case
    if protocol is UpstreamProtocol.HTTP1 and not asked:
        return None
    options = _options(protocol, common, upstream, pool.http if pool is not None else None, preserve_case)
    options.outlier_detection = errors
    return options


def passthrough_options(
    pool: ConnectionPoolSettings | None,
    upstream: UpstreamHttpProtocolOptions | None = None,
    *,
    preserve_case: bool = False,
) -> HttpProtocolOptions:
    """For clusters that lead to an address without a known protocol; idle connections end after Istio's 5 minutes.

    pool: the mesh's. upstream: what TLS takes from a request's host.
    """
    common = _common(pool) or CommonHttpProtocolOptions()
    if common.idle_timeout is None:
        common.idle_timeout = _PASSTHROUGH_IDLE_TIMEOUT
    http = pool.http if pool is not None else None
    return _options(UpstreamProtocol.AS_DOWNSTREAM, common, upstream, http, preserve_case)


def _options(
    protocol: UpstreamProtocol,
    common: CommonHttpProtocolOptions | None,
    upstream: UpstreamHttpProtocolOptions | None,
    http: HTTPSettings | None,
    preserve_case: bool,
) -> HttpProtocolOptions:
    http1 = Http1ProtocolOptions(header_key_format=preserved_case() if preserve_case else None)
    options = HttpProtocolOptions(common_http_protocol_options=common, upstream_http_protocol_options=upstream)
    if protocol is UpstreamProtocol.AS_DOWNSTREAM:
        options.use_downstream_protocol_config = HttpProtocolOptionsUseDownstreamHttpConfig(
            http_protocol_options=http1, http2_protocol_options=_http2(http)
        )
    elif protocol is UpstreamProtocol.HTTP2:
        options.explicit_http_config = HttpProtocolOptionsExplicitHttpConfig(http2_protocol_options=_http2(http))
    else:
        options.explicit_http_config = HttpProtocolOptionsExplicitHttpConfig(http_protocol_options=http1)
    return options


def _http2(http: HTTPSettings | None) -> Http2ProtocolOptions:
    http = http or HTTPSettings()
    return Http2ProtocolOptions(
        max_concurrent_streams=http.max_concurrent_streams or _MAX_CONCURRENT_STREAMS,
        connection_keepalive=_pings(http.http2_keep_alive) if http.http2_keep_alive is not None else None,
    )


def _pings(settings: Http2KeepAlive) -> KeepaliveSettings:
    """Envoy does not take an interval without a timeout."""
    return KeepaliveSettings(interval=settings.interval, timeout=settings.timeout or _PING_TIMEOUT)


def _errors(outlier: OutlierDetection | None) -> HttpProtocolOptionsOutlierDetection | None:
    """Which answers outlier detection is to take for errors; None for Envoy's own idea, those from 500."""
    if outlier is None or not outlier.http_error_codes:
        return None
    codes = RegexMatcher(regex="|".join(map(str, outlier.http_error_codes)))
    status = HeaderMatcher(name=":status", string_match=StringMatcher(safe_regex=codes))
    matcher = MatchPredicate(http_response_headers_match=HttpHeadersMatch(headers=[status]))
    return HttpProtocolOptionsOutlierDetection(error_matcher=matcher)


def _common(pool: ConnectionPoolSettings | None) -> CommonHttpProtocolOptions | None:
    """Istio: a ``maxRequestsPerConnection`` of 0 means no limit; ``tcp.idleTimeout`` holds where HTTP has none."""
    http = (pool.http if pool is not None else None) or HTTPSettings()
    tcp = (pool.tcp if pool is not None else None) or TCPSettings()
    idle_timeout = tcp.idle_timeout if http.idle_timeout is None else http.idle_timeout
    max_requests = http.max_requests_per_connection or None
    duration = tcp.max_connection_duration
    if idle_timeout is None and max_requests is None and duration is None:
        return None
    return CommonHttpProtocolOptions(
        idle_timeout=idle_timeout, max_connection_duration=duration, max_requests_per_connection=max_requests
    )
