"""RDS for gRPC clients: the RouteConfiguration of each service port, with the rules of its VirtualService."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from translators.grpc.services import names_dialled, route_name, routed_ports
from translators.route.client import ClientRules
from translators.route.outbound import PortHost
from translators.route.virtual_hosts import configuration, service_host
from xds.model.view import ProxyView
from xds.pipeline import Contribution, Memo
from xds.pipeline.contribution import RoutePart, VirtualHostPart, VirtualHosts


def translate(view: ProxyView, memo: Memo) -> Iterator[Contribution]:
    """One RouteConfiguration, with one virtual host, for each service port whose calls can be routed."""
    return (memo(_of_port, host, rules) for host, rules in routed_ports(view, memo))


def _of_port(host: PortHost, rules: ClientRules | None) -> VirtualHosts:
    """A client looks for what it dialled, port and all, among the domains."""
    virtual_host = service_host(host.visible, host.port, names_dialled(host), rules)
    return configuration(route_name(host), False, (_without_filters(virtual_host),))


def _without_filters(virtual_host: VirtualHostPart) -> VirtualHostPart:
    """A client rejects routes with settings of a filter that it does not have, so no override may apply to them."""
    return replace(virtual_host, routes=tuple(RoutePart(route.body) for route in virtual_host.routes))
