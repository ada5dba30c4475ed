"""What a connection manager does with a request before it looks for a route: it refuses it, or cleans it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManager,
)
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManagerPathWithEscapedSlashesAction as EscapedSlashes,
)

from xds.explain.errors import UnsupportedError
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

_FORWARDED_PROTO = "x-forwarded-proto"


def unreadable(request: Request) -> str | None:
    """Why a request is answered with 400 before anything of it is looked at; None if it is not."""
    if request.method not in METHODS:
        return f"Envoy knows no method {request.method} in HTTP/1.1"
    if not request.path.startswith(("/", "*") if request.method == "OPTIONS" else "/"):
        return "the path does not begin with /"
    return None if request.path.isascii() else "the path has characters that have to be escaped"


def refusal(request: Request) -> str | None:
    """Why a request is answered with 400, whatever the routes say; None if it is not."""
    if "#" in request.path:
        return "the path has a fragment"
    return "the path has %00" if "%00" in request.path.partition("?")[0] else None


def as_received(request: Request, manager: HttpConnectionManager) -> Request:
    """The request as routes see it: with a clean path, its scheme, and headers of the proxy's own.

    A client that is trusted says by which scheme the request first came in. Raises UnsupportedError.
    """
    told = request.header(_FORWARDED_PROTO)
    trusted = told is not None and told.lower() in ("http", "https") and not manager.use_remote_address
    proto = told if told is not None and trusted else request.scheme
    kept = (item for item in request.headers if item[0] != _FORWARDED_PROTO)
    named = (*kept, (_FORWARDED_PROTO, proto))
    if request.header("x-request-id") is None:
        named = (*named, ("x-request-id", "of the proxy's own"))
    return replace(request, path=_clean(request.path, manager), scheme=proto.lower(), headers=named)


def _clean(path: str, manager: HttpConnectionManager) -> str:
    """In Envoy's order."""
    escaped = manager.path_with_escaped_slashes_action
    if escaped in (EscapedSlashes.REJECT_REQUEST, EscapedSlashes.UNESCAPE_AND_REDIRECT):
        raise UnsupportedError("a connection manager that does not forward escaped slashes")
    if escaped == EscapedSlashes.UNESCAPE_AND_FORWARD:
        path = unescaped(path)
    if manager.normalize_path:
        path = normalized(path)
    return merged(path) if manager.merge_slashes else path
