"""What a patch is for. Names, ports and protocols are compared as Istio compares them.

Field numbers are Envoy's: Listener.name 1, address 2; Address.socket_address 1; SocketAddress.port_value 3;
FilterChain.filter_chain_match 1, name 7; FilterChainMatch.destination_port 8, transport_protocol 9,
application_protocols 10, server_names 11; UInt32Value.value 1; VirtualHost.name 1, domains 2; Route.route 2,
redirect 3, direct_response 7, name 14; Cluster.name 1, metadata 25.
"""

from __future__ import annotations

from xds.model.envoy_filters import (
    ApplyTo,
    ConfigPatch,
    FilterChainMatch,
    ListenerMatch,
    RouteConfigurationMatch,
    RouteKind,
    VirtualHostMatch,
)
from xds.pipeline.envoyfilter.encoded import has, integer, items, message, text, texts
from xds.pipeline.envoyfilter.plan import Plan
from xds.wire.core_pb2 import Metadata

_VIRTUAL = ("virtualInbound", "virtualOutbound")
_ANY_LISTENER, _ANY_CHAIN = ListenerMatch(), FilterChainMatch()
_ANY_ROUTES, _ANY_HOST = RouteConfigurationMatch(), VirtualHostMatch()
_ACTIONS = ((2, RouteKind.ROUTE), (3, RouteKind.REDIRECT), (7, RouteKind.DIRECT_RESPONSE))


def listener_matches(patch: ConfigPatch, listener: bytes, plan: Plan) -> bool:
    """By name and port. A virtual listener has the ports of its filter chains, unless it is meant itself."""
    wanted = patch.listener or _ANY_LISTENER
    name = text(listener, 1)
    if wanted.name not in ("", name):
        return False
    if patch.apply_to is not ApplyTo.LISTENER and name in _VIRTUAL:
        return True
    return _port_matches(wanted, integer(message(message(listener, 2), 1), 3), plan)


def chain_matches(patch: ConfigPatch, listener: bytes, chain: bytes, plan: Plan) -> bool:
    """Of a listener that matches."""
    wanted = patch.listener or _ANY_LISTENER
    match, name = message(chain, 1), text(chain, 7)
    port = integer(message(match, 8), 1)
    if text(listener, 1) in _VIRTUAL and not _port_matches(wanted, port, plan):
        return False
    asked = wanted.chain
    return (
        asked.name in ("", name)
        and asked.destination_port in (0, port)
        and (not asked.sni or asked.sni in texts(match, 11))
        and asked.transport_protocol in ("", text(match, 9))
        and set(asked.application_protocols) <= set(texts(match, 10))
    )


def _port_matches(wanted: ListenerMatch, port: int, plan: Plan) -> bool:
    if wanted.port_name and port not in plan.ports.get(wanted.port_name.lower(), frozenset()):
        return False
    return wanted.port_number in (0, port)


def network_filter(patch: ConfigPatch) -> str | None:
    """The network filter that the patch names; None if it names none."""
    return (patch.listener or _ANY_LISTENER).chain.filter


def http_filter(patch: ConfigPatch) -> str | None:
    """The HTTP filter that the patch names; None if it names none."""
    return (patch.listener or _ANY_LISTENER).chain.sub_filter


def configuration_matches(patch: ConfigPatch, name: str, *, gateway: bool) -> bool:
    """By what the name of a RouteConfiguration says: Istio's names have the port, and of a gateway with TLS more."""
    wanted = patch.route or _ANY_ROUTES
    if wanted.name not in ("", name):
        return False
    if not gateway:
        return wanted.port_number in (0, _port_of(name))
    port, port_name, owner = _of_gateway(name)
    return wanted.port_number in (0, port) and wanted.port_name in ("", port_name) and wanted.gateway in ("", owner)


def _port_of(name: str) -> int:
    """``80``, or ``inbound|8080||``; 0 for others."""
    number = name.split("|")[1] if name.startswith("inbound|") else name
    return int(number) if number.isdecimal() else 0


def _of_gateway(name: str) -> tuple[int, str, str]:
    """``http.80``, or ``https.443.<port name>.<gateway>.<namespace>``: port, port name and ``namespace/gateway``."""
    kind, _, rest = name.partition(".")
    number, _, rest = rest.partition(".")
    port = int(number) if number.isdecimal() else 0
    if kind != "https" or rest.count(".") < 2:
        return port, "", ""
    port_name, _, rest = rest.partition(".")
    owner, _, namespace = rest.rpartition(".")
    return port, port_name, f"{namespace}/{owner}"


def host_matches(patch: ConfigPatch, host: bytes) -> bool:
    """By the name of a virtual host, and one of its domains."""
    wanted = (patch.route or _ANY_ROUTES).vhost or _ANY_HOST
    return wanted.name in ("", text(host, 1)) and (not wanted.domain_name or wanted.domain_name in texts(host, 2))


def names_route(patch: ConfigPatch) -> bool:
    """Whether the patch says for which routes it is."""
    return ((patch.route or _ANY_ROUTES).vhost or _ANY_HOST).route is not None


def route_matches(patch: ConfigPatch, route: bytes) -> bool:
    """By name, and by what it does with requests; an action of another sort is not told apart (Istio)."""
    wanted = ((patch.route or _ANY_ROUTES).vhost or _ANY_HOST).route
    if wanted is None:
        return True
    if wanted.name not in ("", text(route, 14)):
        return False
    kind = next((kind for number, kind in _ACTIONS if has(route, number)), wanted.kind)
    return wanted.kind in (RouteKind.ANY, kind)


def cluster_matches(patch: ConfigPatch, cluster: bytes) -> bool:
    """By name, or else by what a name of Istio's says; the service of an inbound cluster is in its metadata."""
    wanted = patch.cluster
    if wanted is None:
        return True
    name = text(cluster, 1)
    if wanted.name:
        return wanted.name == name
    direction, port, subset, host = name.split("|") if name.count("|") == 3 else ("", "", "", "")
    hosts = _services(cluster) if direction == "inbound" else [host]
    return (
        wanted.subset in ("", subset)
        and (not wanted.service or wanted.service in hosts)
        and (not wanted.port_number or str(wanted.port_number) == port)
    )


def _services(cluster: bytes) -> list[str]:
    metadata = Metadata.FromString(b"".join(items(cluster, 25))).filter_metadata
    if "istio" not in metadata:
        return []
    services = metadata["istio"].fields["services"].list_value.values
    return [each.struct_value.fields["host"].string_value for each in services]
