"""The rules of a VirtualService for connections (Istio ``TCPRoute`` and ``TLSRoute``)."""

from __future__ import annotations

from xds.config.kinds.destinations import parse_destination, parse_weights
from xds.config.kinds.names import Scope
from xds.config.kinds.virtual_service_match import parse_l4_matches
from xds.config.reader import Reader
from xds.model.hosts import host_matches
from xds.model.routing import L4MatchAttributes, L4Route, RouteDestination


def parse_tcp_routes(spec: Reader, scope: Scope, gateways: tuple[str, ...]) -> tuple[L4Route, ...]:
    """``spec.tcp``."""
    return tuple(_route(rule, index, scope, gateways) for index, rule in enumerate(spec.items("tcp")))


def parse_tls_routes(
    spec: Reader, scope: Scope, gateways: tuple[str, ...], hosts: tuple[str, ...]
) -> tuple[L4Route, ...]:
    """``spec.tls``. Every match needs SNI hosts, and each of them must be covered by ``hosts``."""
    rules = spec.items("tls")
    routes = tuple(_route(rule, index, scope, gateways) for index, rule in enumerate(rules))
    for rule, route in zip(rules, routes, strict=True):
        if not route.match:
            rule.error("match", "a tls rule must have at least one match", "missing-field")
        for reader, match in zip(rule.items("match"), route.match, strict=True):
            _check_sni_hosts(reader, match, hosts, scope)
    return routes


def _route(rule: Reader, index: int, scope: Scope, gateways: tuple[str, ...]) -> L4Route:
    targets = rule.items("route")
    if not targets:
        rule.error("route", "must have at least one destination", "missing-field")
    weights = parse_weights(rule, targets)
    return L4Route(
        index=index,
        origin=rule.origin,
        match=parse_l4_matches(rule, scope, gateways),
        route=tuple(
            RouteDestination(parse_destination(target.section("destination"), scope), weight)
            for target, weight in zip(targets, weights, strict=True)
        ),
    )


def _check_sni_hosts(reader: Reader, match: L4MatchAttributes, hosts: tuple[str, ...], scope: Scope) -> None:
    if not reader.strings("sniHosts"):
        reader.error("sniHosts", "must name at least one host", "missing-field")
    for index, sni_host in enumerate(match.sni_hosts):
        if not any(host_matches(host, scope.host(sni_host)) for host in hosts):
            reader.error(("sniHosts", index), f"{sni_host} is not covered by the object's hosts", "invalid-value")
