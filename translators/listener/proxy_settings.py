"""What a proxy's configuration says of its connection managers (Istio ``ConnectionSettings`` and ``ProxyHeaders``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from envoy_data_plane.envoy.config.core.v3 import (
    Http1ProtocolOptions,
    Http2ProtocolOptions,
    HttpProtocolOptions,
    HttpProtocolOptionsHeadersWithUnderscoresAction,
)
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManager,
    HttpConnectionManagerForwardClientCertDetails,
    HttpConnectionManagerPathWithEscapedSlashesAction,
    HttpConnectionManagerServerHeaderTransformation,
    HttpConnectionManagerSetCurrentClientCertDetails,
)

from translators.header_case import preserved_case
from xds.model.proxy_settings import (
    ClientCertDetails,
    ConnectionSettings,
    EscapedSlashesAction,
    ForwardClientCertDetails,
    ProxyHeaders,
    UnderscoresAction,
)

_ENVOYS = HttpConnectionManagerForwardClientCertDetails
FORWARDED: Final[Mapping[ForwardClientCertDetails, HttpConnectionManagerForwardClientCertDetails]] = {
    ForwardClientCertDetails.SANITIZE: _ENVOYS.SANITIZE,
    ForwardClientCertDetails.FORWARD_ONLY: _ENVOYS.FORWARD_ONLY,
    ForwardClientCertDetails.APPEND_FORWARD: _ENVOYS.APPEND_FORWARD,
    ForwardClientCertDetails.SANITIZE_SET: _ENVOYS.SANITIZE_SET,
    ForwardClientCertDetails.ALWAYS_FORWARD_ONLY: _ENVOYS.ALWAYS_FORWARD_ONLY,
}
"""Envoy's words for what becomes of ``x-forwarded-client-cert``. UNDEFINED depends on who asks."""

_UNDERSCORES = {
    UnderscoresAction.ALLOW: HttpProtocolOptionsHeadersWithUnderscoresAction.ALLOW,
    UnderscoresAction.REJECT_REQUEST: HttpProtocolOptionsHeadersWithUnderscoresAction.REJECT_REQUEST,
    UnderscoresAction.DROP_HEADER: HttpProtocolOptionsHeadersWithUnderscoresAction.DROP_HEADER,
}
_SLASHES = {
    EscapedSlashesAction.KEEP_UNCHANGED: HttpConnectionManagerPathWithEscapedSlashesAction.KEEP_UNCHANGED,
    EscapedSlashesAction.REJECT_REQUEST: HttpConnectionManagerPathWithEscapedSlashesAction.REJECT_REQUEST,
    EscapedSlashesAction.UNESCAPE_AND_REDIRECT: HttpConnectionManagerPathWithEscapedSlashesAction.UNESCAPE_AND_REDIRECT,
    EscapedSlashesAction.UNESCAPE_AND_FORWARD: HttpConnectionManagerPathWithEscapedSlashesAction.UNESCAPE_AND_FORWARD,
}
_NO_CONNECTIONS = ConnectionSettings()
_NO_HEADERS = ProxyHeaders()


def apply_connections(manager: HttpConnectionManager, settings: ConnectionSettings) -> None:
    """Limits and times of the client's side. What it says of paths is stronger than what the mesh does."""
    if settings == _NO_CONNECTIONS:
        return
    manager.common_http_protocol_options = _common(settings)
    manager.http2_protocol_options = _http2(settings)
    if settings.stream_idle_timeout is not None:
        manager.stream_idle_timeout = settings.stream_idle_timeout
    manager.request_timeout = settings.request_timeout
    manager.request_headers_timeout = settings.request_headers_timeout
    manager.drain_timeout = settings.drain_timeout
    if settings.merge_slashes is not None:
        manager.merge_slashes = settings.merge_slashes
    if settings.escaped_slashes is not None:
        manager.path_with_escaped_slashes_action = _SLASHES[settings.escaped_slashes]


def _common(settings: ConnectionSettings) -> HttpProtocolOptions | None:
    options = HttpProtocolOptions(
        idle_timeout=settings.idle_timeout,
        max_connection_duration=settings.max_connection_duration,
        max_stream_duration=settings.max_stream_duration,
    )
    if settings.underscores is not None:
        options.headers_with_underscores_action = _UNDERSCORES[settings.underscores]
    return options if options != HttpProtocolOptions() else None


def _http2(settings: ConnectionSettings) -> Http2ProtocolOptions | None:
    options = Http2ProtocolOptions(
        max_concurrent_streams=settings.max_concurrent_streams,
        initial_stream_window_size=settings.stream_window,
        initial_connection_window_size=settings.connection_window,
    )
    return options if options != Http2ProtocolOptions() else None


def apply_headers(manager: HttpConnectionManager, headers: ProxyHeaders) -> None:
    """The headers that the connection manager adds, as far as they are not those that Istio has it add anyway."""
    if headers == _NO_HEADERS:
        return
    if headers.server_disabled:
        manager.server_name = ""
        manager.server_header_transformation = HttpConnectionManagerServerHeaderTransformation.PASS_THROUGH
    elif headers.server:
        manager.server_name = headers.server
    manager.generate_request_id = None if headers.request_id else False
    manager.append_x_forwarded_port = headers.x_forwarded_port
    options = manager.http_protocol_options or Http1ProtocolOptions()
    options.header_key_format = preserved_case() if headers.preserve_case else None
    manager.http_protocol_options = options


def client_cert(details: ClientCertDetails) -> HttpConnectionManagerSetCurrentClientCertDetails:
    """What is told of a client's certificate, beside its hash."""
    return HttpConnectionManagerSetCurrentClientCertDetails(
        subject=details.subject, cert=details.cert, chain=details.chain, dns=details.dns, uri=details.uri
    )
