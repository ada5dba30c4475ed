"""The authority that a request goes out with."""

from __future__ import annotations

from envoy_data_plane.envoy.config.route.v3 import RouteAction, WeightedClusterClusterWeight

from xds.explain.re2 import replace_all
from xds.explain.request import Request


def rewritten_authority(action: RouteAction, weighted: WeightedClusterClusterWeight | None, request: Request) -> str:
    """After the rewriting of hosts that the route, or one of its weighted clusters, asks for; empty if the host name
    of the endpoint takes its place, which only the proxy knows. request: its headers are changed already."""
    if weighted is not None and weighted.host_rewrite_literal:
        return weighted.host_rewrite_literal
    if action.auto_host_rewrite:
        return ""
    if action.host_rewrite_literal:
        return action.host_rewrite_literal
    if action.host_rewrite_header:
        return request.header(action.host_rewrite_header) or request.authority
    pattern = action.host_rewrite_path_regex
    if pattern is not None and pattern.pattern is not None:
        return replace_all(pattern.pattern.regex, pattern.substitution, request.path_alone)
    return request.authority
