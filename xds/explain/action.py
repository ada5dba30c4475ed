"""What becomes of a request that takes a route: a response of the proxy's own, or clusters with their shares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from envoy_data_plane.envoy.config.route.v3 import (
    DirectResponseAction,
    Route,
    RouteAction,
    RouteConfiguration,
    RouteMatch,
    VirtualHost,
    WeightedClusterClusterWeight,
)
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpConnectionManager

from xds.explain import redirect
from xds.explain.authority import rewritten_authority
from xds.explain.cluster import find_cluster
from xds.explain.decode import as_json
from xds.explain.errors import UnsupportedError
from xds.explain.filters import Filtered, PerRoute, filtered
from xds.explain.header_changes import HeaderChange, Level, changed_request, response_changes
from xds.explain.paths import rewritten
from xds.explain.request import Connection, Request
from xds.explain.result import Answered, Forwarded, Outcome
from xds.explain.states import application_protocols
from xds.explain.stream import Metadata, Stream
from xds.resources import Snapshot
from xds.resources.types import EXTENSION_CONFIG

_NOT_FOUND_STATUS = {0: 503, 1: 404, 2: 500}
"""By RouteAction.cluster_not_found_response_code."""


@dataclass(frozen=True, slots=True)
class Hop:
    """The connection manager that has the request, and what there is around it. encrypted: whether the proxy ends TLS.

    connection: as the client opened it. seen: as the filter chain has it.
    """

    snapshot: Snapshot
    manager: HttpConnectionManager
    connection: Connection
    seen: Connection
    encrypted: bool


@dataclass(frozen=True, slots=True)
class Taken:
    """A route with everything that has a say beside it. table: without its virtual hosts."""

    hop: Hop
    table: RouteConfiguration
    host: VirtualHost
    route: Route

    @property
    def match(self) -> RouteMatch:
        return self.route.match or RouteMatch()

    def levels(self, weighted: WeightedClusterClusterWeight | None = None) -> tuple[Level, ...]:
        """What changes headers, in Envoy's order."""
        levels: tuple[Level, ...] = (self.route, self.host, self.table)
        levels = (weighted, *levels) if weighted is not None else levels
        return tuple(reversed(levels)) if self.table.most_specific_header_mutations_wins else levels

    @property
    def per_route(self) -> PerRoute:
        """The configuration of filters, the most specific first."""
        return [level.typed_per_filter_config for level in (self.route, self.host, self.table)]


def outcomes(taken: Taken, stream: Stream) -> tuple[Filtered, tuple[Outcome, ...]]:
    """What the filters do, and all that can become of the request; see `Explanation` for their shares.

    Raises UnsupportedError for an action that cannot be told.
    """
    changes = response_changes(taken.levels())
    forwards = taken.route.route is not None
    extensions = taken.hop.snapshot[EXTENSION_CONFIG]
    stream = replace(stream, route=_metadata(taken.route))
    through = filtered(taken.hop.manager, extensions, taken.per_route, stream, changes if forwards else None)
    request = through.stream.request
    acted = tuple(_acted(taken, request, changes)) if through.rest and request is not None else ()
    rest = tuple(replace(outcome, share=outcome.share * through.rest) for outcome in acted)
    return through, (*through.answers, *rest)


def _metadata(route: Route) -> Metadata:
    found = as_json(route.metadata).get("filter_metadata") if route.metadata is not None else None
    return found if isinstance(found, dict) else {}


def _acted(taken: Taken, request: Request, changes: tuple[HeaderChange, ...]) -> Iterator[Outcome]:
    route = taken.route
    if route.redirect is not None:
        where = redirect.location(route.redirect, taken.match, request)
        yield Answered(1.0, redirect.status(route.redirect), "redirect", where, response_changes=changes)
    elif route.direct_response is not None:
        yield _direct(route.direct_response, request, changes)
    elif route.route is not None:
        yield from _forwarded(taken, route.route, request)
    else:
        raise UnsupportedError("a route with another action than to forward, redirect or respond")


def _direct(action: DirectResponseAction, request: Request, changes: tuple[HeaderChange, ...]) -> Answered:
    """A status that says where something is gets a location: that of the request itself."""
    where = ""
    if action.status == 201 or 300 <= action.status < 400:
        where = f"{request.scheme}://{request.authority}{request.path}"
    return Answered(1.0, action.status, "direct_response", where, _body(action), changes)


def _body(action: DirectResponseAction) -> str:
    if action.body is None:
        return ""
    return action.body.inline_string or (action.body.inline_bytes or b"").decode("utf-8", "replace")


def _forwarded(taken: Taken, action: RouteAction, request: Request) -> Iterator[Outcome]:
    if action.weighted_clusters is not None:
        weighted = action.weighted_clusters.clusters
        total = sum(each.weight or 0 for each in weighted)
        for each in weighted:
            if each.weight:
                name = each.name or request.header(each.cluster_header) or ""
                yield _to_cluster(taken, action, request, name, each.weight / total, each)
    elif action.cluster_header is not None:
        yield _to_cluster(taken, action, request, request.header(action.cluster_header) or "", 1.0)
    elif action.cluster is not None:
        yield _to_cluster(taken, action, request, action.cluster, 1.0)
    else:
        raise UnsupportedError("a route whose cluster an extension chooses")


def _to_cluster(
    taken: Taken,
    action: RouteAction,
    request: Request,
    name: str,
    share: float,
    weighted: WeightedClusterClusterWeight | None = None,
) -> Outcome:
    changes = response_changes(taken.levels(weighted))
    protocols = application_protocols(taken.hop.manager)
    cluster = find_cluster(taken.hop.snapshot, name, taken.hop.connection, request.authority, protocols)
    if cluster is None:
        status = _NOT_FOUND_STATUS[int(action.cluster_not_found_response_code)]
        return Answered(share, status, f"there is no cluster {name}", response_changes=changes)
    if not any(endpoint.share for endpoint in cluster.endpoints):
        return Answered(share, 503, f"cluster {name} has no endpoint that can be used", response_changes=changes)
    headers = changed_request(request.headers, taken.levels(weighted))
    return Forwarded(
        share,
        cluster,
        path=rewritten(request, taken.match, action.prefix_rewrite, action.regex_rewrite),
        authority=rewritten_authority(action, weighted, replace(request, headers=headers)),
        request_headers=headers,
        claims=request.claims,
        response_changes=changes,
    )
