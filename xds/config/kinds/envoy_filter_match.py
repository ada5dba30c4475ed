"""What an EnvoyFilter's patch is for: proxies, listeners, routes, clusters (Istio ``EnvoyConfigObjectMatch``)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from xds.config.kinds.re2 import parse_re2
from xds.config.reader import Reader
from xds.model.envoy_filters import (
    ApplyTo,
    ClusterMatch,
    FilterChainMatch,
    ListenerMatch,
    PatchContext,
    ProxyCondition,
    RouteConfigurationMatch,
    RouteKind,
    RouteMatch,
    VirtualHostMatch,
)

_OF_LISTENERS = frozenset(
    {
        ApplyTo.LISTENER,
        ApplyTo.FILTER_CHAIN,
        ApplyTo.LISTENER_FILTER,
        ApplyTo.NETWORK_FILTER,
        ApplyTo.HTTP_FILTER,
    }
)
_OF_ROUTES = frozenset({ApplyTo.ROUTE_CONFIGURATION, ApplyTo.VIRTUAL_HOST, ApplyTo.HTTP_ROUTE})
_HTTP_CONNECTION_MANAGER = "envoy.filters.network.http_connection_manager"


@dataclass(frozen=True, slots=True)
class Conditions:
    """Everything that a patch asks for."""

    context: PatchContext
    proxy: ProxyCondition | None
    listener: ListenerMatch | None
    route: RouteConfigurationMatch | None
    cluster: ClusterMatch | None


def parse_match(reader: Reader, target: ApplyTo) -> Conditions | None:
    """None if there can be nothing here that it matches. Mistakes are reported."""
    context = reader.text("context", "ANY")
    if context == "WAYPOINT":
        reader.warning("context", "there are no waypoints here: this patch has no effect", "no-effect")
        return None
    _check_kind(reader, target)
    return Conditions(
        PatchContext(context),
        _proxy(reader.child("proxy")),
        _listener(reader.child("listener"), target),
        _route(reader.child("routeConfiguration")),
        _cluster(reader.child("cluster")),
    )


def _check_kind(reader: Reader, target: ApplyTo) -> None:
    allowed = "listener" if target in _OF_LISTENERS else "routeConfiguration" if target in _OF_ROUTES else ""
    allowed = "cluster" if target is ApplyTo.CLUSTER else allowed
    for name in ("listener", "routeConfiguration", "cluster"):
        if name != allowed and reader.has(name):
            reader.error(name, f"a patch of {target.value} cannot be matched by this", "invalid-value")


def _proxy(reader: Reader | None) -> ProxyCondition | None:
    if reader is None:
        return None
    condition = ProxyCondition(reader.parsed("proxyVersion", _version, ""), reader.labels("metadata"))
    return condition if condition != ProxyCondition() else None


def _version(pattern: str) -> str:
    """One that RE2 takes, as Istio's does, and that can be looked for here, which for a version is no hardship."""
    try:
        re.compile(parse_re2(pattern))
    except re.error as error:
        raise ValueError(f"{pattern!r} cannot be used here: {error}") from error
    return pattern


def _listener(reader: Reader | None, target: ApplyTo) -> ListenerMatch | None:
    if reader is None:
        return None
    return ListenerMatch(
        name=reader.text("name"),
        port_number=reader.integer("portNumber"),
        port_name=reader.text("portName"),
        listener_filter=reader.text("listenerFilter"),
        chain=_chain(reader.section("filterChain"), target),
    )


def _chain(reader: Reader, target: ApplyTo) -> FilterChainMatch:
    network = reader.child("filter")
    nested = network.child("subFilter") if network is not None else None
    if network is not None:
        _check_filter(network, nested, target)
    return FilterChainMatch(
        name=reader.text("name"),
        sni=reader.text("sni"),
        transport_protocol=reader.text("transportProtocol"),
        application_protocols=tuple(filter(None, reader.text("applicationProtocols").split(","))),
        destination_port=reader.integer("destinationPort"),
        filter=network.text("name") if network is not None else None,
        sub_filter=nested.text("name") if nested is not None else None,
    )


def _check_filter(network: Reader, nested: Reader | None, target: ApplyTo) -> None:
    """Istio's own rules."""
    if not network.text("name"):
        network.error("name", "is missing: it says which filter", "missing-field")
    if target in (ApplyTo.LISTENER, ApplyTo.FILTER_CHAIN):
        network.warning((), f"does not count for a patch of {target.value}", "no-effect")
    if nested is None:
        return
    if target is not ApplyTo.HTTP_FILTER:
        nested.error((), "is for a patch of HTTP_FILTER only")
    elif network.text("name") not in ("", _HTTP_CONNECTION_MANAGER):
        nested.error((), f"HTTP filters are in a filter named {_HTTP_CONNECTION_MANAGER} only")
    if not nested.text("name"):
        nested.error("name", "is missing: it says which HTTP filter", "missing-field")


def _route(reader: Reader | None) -> RouteConfigurationMatch | None:
    if reader is None:
        return None
    return RouteConfigurationMatch(
        name=reader.text("name"),
        port_number=reader.integer("portNumber"),
        port_name=reader.text("portName"),
        gateway=reader.text("gateway"),
        vhost=_virtual_host(reader.child("vhost")),
    )


def _virtual_host(reader: Reader | None) -> VirtualHostMatch | None:
    if reader is None:
        return None
    route = reader.child("route")
    return VirtualHostMatch(
        name=reader.text("name"),
        domain_name=reader.text("domainName"),
        route=RouteMatch(route.text("name"), RouteKind(route.text("action", "ANY"))) if route is not None else None,
    )


def _cluster(reader: Reader | None) -> ClusterMatch | None:
    if reader is None:
        return None
    names = (reader.text("name"), reader.text("service"), reader.text("subset"))
    return ClusterMatch(*names, reader.integer("portNumber"))
