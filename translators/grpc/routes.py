"""RDS for gRPC clients: the RouteConfiguration of each service port, with the rules of its VirtualService."""

from __future__ import annotations

from collections.abc import Iterator

from translators.grpc.services import called_ports, egress_by_host, names_dialled, route_name
from translators.route.client import ClientRules, client_rules, index_services
from translators.route.outbound import PortHost
from translators.route.virtual_hosts import configuration, service_host
from xds.model.routing import MESH_GATEWAY
from xds.model.view import ProxyView
from xds.pipeline import Contribution, Memo
from xds.pipeline.contribution import VirtualHosts


def translate(view: ProxyView, memo: Memo) -> Iterator[Contribution]:
    """One RouteConfiguration, with one virtual host, for each service port whose calls can be routed."""
    egress = memo(egress_by_host, *view.egress)
    for host in called_ports(view, memo):
        listener = egress[host.visible.service.hostname]
        found = listener.routed.find(host.visible.service.hostname)
        index = memo(index_services, listener.services)
        rules = client_rules(found, MESH_GATEWAY, view.key, index, memo) if found is not None else None
        yield memo(_of_port, host, rules)


def _of_port(host: PortHost, rules: ClientRules | None) -> VirtualHosts:
    """A client looks for what it dialled, port and all, among the domains."""
    return configuration(route_name(host), False, (service_host(host.visible, host.port, names_dialled(host), rules),))
