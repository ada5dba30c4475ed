"""What a connection manager does with a request before it looks for a route: it refuses it, or cleans it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from envoy_data_plane.envoy.config.core.v3 import HttpProtocolOptionsHeadersWithUnderscoresAction as Underscores
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManager,
)
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManagerPathWithEscapedSlashesAction as EscapedSlashes,
)

from xds.explain.client import forwarded_for
from xds.explain.paths import merged, normalized, unescaped
from xds.explain.request import Request

METHODS: Final = frozenset(
    (
        *("ACL", "BIND", "CHECKOUT", "CONNECT", "COPY", "DELETE", "GET", "HEAD", "LINK", "LOCK", "MERGE"),
        *("MKACTIVITY", "MKCALENDAR", "MKCOL", "MOVE", "M-SEARCH", "NOTIFY", "OPTIONS", "PATCH", "POST", "PROPFIND"),
        *("PROPPATCH", "PURGE", "PUT", "REBIND", "REPORT", "SEARCH", "SOURCE", "SUBSCRIBE", "TRACE", "UNBIND"),
        *("UNLINK", "UNLOCK", "UNSUBSCRIBE"),
    )
)
"""Those that Envoy takes in HTTP/1.1."""

_UNESCAPING = (EscapedSlashes.UNESCAPE_AND_FORWARD, EscapedSlashes.UNESCAPE_AND_REDIRECT)
_FORWARDED_PROTO = "x-forwarded-proto"


def unreadable(request: Request) -> str | None:
    """Why a request is answered with 400 before anything of it is looked at; None if it is not."""
    if request.method not in METHODS:
        return f"Envoy knows no method {request.method} in HTTP/1.1"
    if not request.path.startswith(("/", "*") if request.method == "OPTIONS" else "/"):
        return "the path does not begin with /"
    return None if request.path.isascii() else "the path has characters that have to be escaped"


def refusal(request: Request, manager: HttpConnectionManager) -> str | None:
    """Why a request is answered with 400, whatever the routes say; None if it is not."""
    if "#" in request.path:
        return "the path has a fragment"
    if "%00" in request.path.partition("?")[0]:
        return "the path has %00"
    if _underscores(manager) == Underscores.REJECT_REQUEST and any("_" in name for name, _ in request.headers):
        return "a header has an underscore in its name"
    rejects = manager.path_with_escaped_slashes_action == EscapedSlashes.REJECT_REQUEST
    return "the path has an escaped slash" if rejects and unescaped(request.path) != request.path else None


def redirection(request: Request, manager: HttpConnectionManager) -> str | None:
    """Where a request is sent, with 307, because its path has escaped slashes; None if it is not."""
    redirects = manager.path_with_escaped_slashes_action == EscapedSlashes.UNESCAPE_AND_REDIRECT
    return _clean(request.path, manager) if redirects and unescaped(request.path) != request.path else None


def as_received(request: Request, manager: HttpConnectionManager, source: str = "") -> Request:
    """The request as routes see it: with a clean path, its scheme, and headers of the proxy's own.

    A client that is trusted says by which scheme the request first came in. source: its address, if it is known.
    """
    told = request.header(_FORWARDED_PROTO)
    trusted = told is not None and told.lower() in ("http", "https") and not manager.use_remote_address
    proto = told if told is not None and trusted else request.scheme
    drops = _underscores(manager) == Underscores.DROP_HEADER
    told_on = (item for item in request.headers if item[0] != _FORWARDED_PROTO)
    kept = (item for item in told_on if not drops or "_" not in item[0])
    named = (*forwarded_for(tuple(kept), manager, source), (_FORWARDED_PROTO, proto))
    if request.header("x-request-id") is None:
        named = (*named, ("x-request-id", "of the proxy's own"))
    return replace(request, path=_clean(request.path, manager), scheme=proto.lower(), headers=named)


def _underscores(manager: HttpConnectionManager) -> Underscores | int:
    options = manager.common_http_protocol_options
    return options.headers_with_underscores_action if options is not None else Underscores.ALLOW


def _clean(path: str, manager: HttpConnectionManager) -> str:
    """In Envoy's order. ``*`` stands for the server as a whole."""
    if not path.startswith("/"):
        return path
    if manager.path_with_escaped_slashes_action in _UNESCAPING:
        path = unescaped(path)
    if manager.normalize_path:
        path = normalized(path)
    return merged(path) if manager.merge_slashes else path
