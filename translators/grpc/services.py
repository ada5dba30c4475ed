"""Which service ports a gRPC client can call, under which names, and what routes its calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain

from translators.names import outbound_cluster
from translators.route.client import ClientRules, client_rules, index_services
from translators.route.outbound import PortHost, route_tables
from xds.model.routing import MESH_GATEWAY
from xds.model.view import EgressListener, ProxyView
from xds.pipeline import Memo


def called_groups(view: ProxyView, memo: Memo) -> Iterator[tuple[PortHost, ...]]:
    """Every service port whose calls can be routed. A name that two services could have is the first one's."""
    tables = memo(route_tables, view.services, view.key.dns_domain, memo)
    return (group for table in tables.values() for group in table.groups)


def names_dialled(host: PortHost) -> tuple[str, ...]:
    """What a client may say after ``xds:///``: the full name, a short form or an address, and the port."""
    return tuple(f"{domain}:{host.port}" for domain in host.domains if not domain.startswith("*"))


def route_name(host: PortHost) -> str:
    """The RouteConfiguration of a service port. Istio calls it like the cluster: ``outbound|80||host``."""
    return outbound_cluster(host.port, host.visible.service.hostname)


def routed_ports(view: ProxyView, memo: Memo) -> Iterator[tuple[PortHost, ClientRules | None]]:
    """Every port of `called_groups` with the rules for its calls, if there are any."""
    egress = memo(_egress_by_host, *view.egress)
    for host in chain.from_iterable(called_groups(view, memo)):
        listener = egress[host.visible.service.hostname]
        found = listener.routed.find(host.visible.service.hostname)
        index = memo(index_services, listener.targets, view.settings.retries)
        yield host, client_rules(found, MESH_GATEWAY, view.key, index, memo) if found is not None else None


def _egress_by_host(*listeners: EgressListener) -> Mapping[str, EgressListener]:
    """By host name of a service, the first egress listener that has it, or sends something there."""
    found: dict[str, EgressListener] = {}
    for listener in listeners:
        for visible in listener.targets:
            found.setdefault(visible.service.hostname, listener)
    return found
