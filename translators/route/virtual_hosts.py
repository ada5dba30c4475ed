"""Virtual hosts: a service's or a host's domains with its routes. Field numbers: VirtualHost.name 1, domains 2."""

from __future__ import annotations

from functools import lru_cache

from envoy_data_plane.envoy.config.core.v3 import (
    DataSource,
    HeaderValue,
    HeaderValueOption,
    HeaderValueOptionHeaderAppendAction,
)
from envoy_data_plane.envoy.config.route.v3 import (
    DirectResponseAction,
    Route,
    RouteAction,
    RouteConfiguration,
    RouteMatch,
    VirtualHost,
    VirtualHostTlsRequirementType,
)

from translators.names import (
    ALLOW_ANY_VIRTUAL_HOST,
    BLOCK_ALL_VIRTUAL_HOST,
    outbound_cluster,
    virtual_host,
)
from translators.route.action import NO_TIMEOUT, to_cluster
from translators.route.client import ClientRules
from translators.route.destination import consistent_hash, destination_policy
from translators.route.rules import HostRoutes, host_routes
from xds.model.objects import ObjectKey
from xds.model.routing import HTTPRetry
from xds.model.view import VisibleService
from xds.pipeline.contribution import RoutePart, VirtualHostPart, VirtualHosts
from xds.wire.encode import encode
from xds.wire.splice import field

_BAD_GATEWAY = 502
_ADVERTISED = 86400
"""For how many seconds clients may believe that HTTP/3 is spoken: Istio's value."""


def service_host(
    visible: VisibleService,
    port: int,
    domains: tuple[str, ...],
    rules: ClientRules | None,
    retries: HTTPRetry | None = None,
) -> VirtualHostPart:
    """The virtual host of a service port for a sidecar; without rules that apply, all goes to the service itself.

    retries: the mesh's default.
    """
    name = virtual_host(visible.service.hostname, port)
    if rules is not None:
        routes = host_routes(rules, port).all
        if routes:
            return part(name, domains, routes, (*rules.virtual_service.origins, visible.service.meta.key))
    return part(name, domains, (_default_route(visible, port, retries),), (visible.service.meta.key,))


def _default_route(visible: VisibleService, port: int, retries: HTTPRetry | None) -> RoutePart:
    hostname = visible.service.hostname
    action = to_cluster(outbound_cluster(port, hostname), retries, consistent_hash(destination_policy(visible, port)))
    operation = field(5, field(1, f"{hostname}:{port}/*".encode()))
    return RoutePart(_default_match() + field(2, action) + operation)


@lru_cache(maxsize=1)
def _default_match() -> bytes:
    return encode(Route(name="default", match=RouteMatch(prefix="/")))


def routed_host(host: str, port: int, domains: tuple[str, ...], rules: ClientRules) -> VirtualHostPart | None:
    """The virtual host of a name that no service has; None if no rule applies."""
    routes = host_routes(rules, port).all
    return part(virtual_host(host, port), domains, routes, rules.virtual_service.origins) if routes else None


def merged_host(
    host: str, port: int, origins: tuple[ObjectKey, ...], redirects: bool, *sources: HostRoutes
) -> VirtualHostPart:
    """A gateway's virtual host: the routes of several VirtualServices, what catches everything last.

    redirects: whether plain-text requests are sent to https.
    """
    routes = [route for source in sources for route in source.specific]
    last = [source.catch_all for source in sources if source.catch_all is not None]
    return part(virtual_host(host, port), (host,), (*routes, *last[:1]), origins, redirects=redirects)


def part(
    name: str,
    domains: tuple[str, ...],
    routes: tuple[RoutePart, ...],
    origins: tuple[ObjectKey, ...] = (),
    *,
    redirects: bool = False,
) -> VirtualHostPart:
    """A virtual host as `assemble` takes it. redirects: whether plain-text requests are sent to https."""
    header = field(1, name.encode()) + b"".join(field(2, domain.encode()) for domain in domains) + _flags(redirects)
    return VirtualHostPart(name, header, routes, origins)


@lru_cache(maxsize=2)
def _flags(redirects: bool) -> bytes:
    required = VirtualHostTlsRequirementType.ALL if redirects else VirtualHostTlsRequirementType.NONE
    return encode(VirtualHost(include_request_attempt_count=True, require_tls=required))


def allow_any(cluster: str) -> VirtualHostPart:
    """Sends requests for hosts that the mesh does not know to a cluster, which may know where they were going."""
    action = RouteAction(cluster=cluster, timeout=NO_TIMEOUT)
    route = Route(name=ALLOW_ANY_VIRTUAL_HOST, match=RouteMatch(prefix="/"), route=action)
    return part(ALLOW_ANY_VIRTUAL_HOST, ("*",), (RoutePart(encode(route)),))


def block_all(reason: str) -> VirtualHostPart:
    """Refuses requests for hosts that the mesh does not know. reason: the body of the response, may be empty."""
    body = DataSource(inline_string=reason) if reason else None
    action = DirectResponseAction(status=_BAD_GATEWAY, body=body)
    route = Route(name=BLOCK_ALL_VIRTUAL_HOST, match=RouteMatch(prefix="/"), direct_response=action)
    return part(BLOCK_ALL_VIRTUAL_HOST, ("*",), (RoutePart(encode(route)),))


def configuration(name: str, ignore_port: bool, *groups: tuple[VirtualHostPart, ...]) -> VirtualHosts:
    """A RouteConfiguration. ignore_port: whether the port in a request's host is without meaning."""
    return VirtualHosts(name, _header(name, ignore_port), groups)


def http3_configuration(name: str, port: int, *groups: tuple[VirtualHostPart, ...]) -> VirtualHosts:
    """A RouteConfiguration of a gateway, whose responses say that HTTP/3 is spoken on the same port too."""
    header = HeaderValue(key="alt-svc", value=f'h3=":{port}"; ma={_ADVERTISED}')
    option = HeaderValueOption(
        header=header, append_action=HeaderValueOptionHeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD
    )
    advertising = encode(RouteConfiguration(response_headers_to_add=[option]))
    return VirtualHosts(name, _header(name, True) + advertising, groups)


def _header(name: str, ignore_port: bool) -> bytes:
    return encode(RouteConfiguration(name=name, validate_clusters=False, ignore_port_in_host_matching=ignore_port))
