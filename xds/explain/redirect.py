"""Where a redirect leads: Envoy's ``RedirectAction``."""

from __future__ import annotations

from envoy_data_plane.envoy.config.route.v3 import RedirectAction, RouteMatch

from xds.explain.paths import rewritten
from xds.explain.request import Request

_CODES = (301, 302, 303, 307, 308)
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def status(action: RedirectAction) -> int:
    """The status of the response."""
    return _CODES[int(action.response_code)]


def location(action: RedirectAction, match: RouteMatch, request: Request) -> str:
    """The ``location`` header of the response."""
    scheme = action.scheme_redirect or ("https" if action.https_redirect else request.scheme)
    port = f":{action.port_redirect}" if action.port_redirect else ""
    host = action.host_redirect or _host(request, scheme, port)
    return f"{scheme}://{host}{port}{_path(action, match, request)}"


def _host(request: Request, scheme: str, port: str) -> str:
    """The request's authority, without its port if there is another, or it is the default of the scheme that goes."""
    colon = request.authority.rfind(":")
    if colon <= request.authority.rfind("]"):
        return request.authority
    was_default = request.authority[colon:] == _DEFAULT_PORTS.get(request.scheme)
    return request.authority[:colon] if port or (scheme != request.scheme and was_default) else request.authority


def _path(action: RedirectAction, match: RouteMatch, request: Request) -> str:
    """A new path keeps the query of the request, unless it is to be stripped; one of its own it has in any case."""
    if action.path_redirect and "?" in action.path_redirect:
        return action.path_redirect
    _, question, query = request.path.partition("?")
    path = rewritten(request, match, action.prefix_rewrite or "", action.regex_rewrite)
    if action.path_redirect:
        path = action.path_redirect + question + query
    return path.partition("?")[0] if action.strip_query else path
