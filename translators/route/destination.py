"""Where requests and connections go: the cluster of a destination, and what its DestinationRule asks of the route."""

from __future__ import annotations

from collections.abc import Iterable

from envoy_data_plane.envoy.config.route.v3 import (
    RouteActionHashPolicy,
    RouteActionHashPolicyConnectionProperties,
    RouteActionHashPolicyCookie,
    RouteActionHashPolicyCookieAttribute,
    RouteActionHashPolicyHeader,
    RouteActionHashPolicyQueryParameter,
)

from translators.cluster.policy import PortPolicy, port_policy
from translators.names import outbound_cluster
from xds.model.policy import ConsistentHashLB
from xds.model.routing import Destination
from xds.model.view import ProxyView, VisibleService


def destination_port(destination: Destination, target: VisibleService | None, listen_port: int) -> int:
    """Istio: the port that is named, or else the service's only one, or else the one that the client dialled."""
    if destination.port is not None:
        return destination.port
    if target is not None and len(target.service.ports) == 1:
        return target.service.ports[0].number
    return listen_port


def destination_cluster(destination: Destination, target: VisibleService | None, listen_port: int) -> str:
    """The cluster's name, whether the service is known or not: unknown ones answer 503 and harm no other route."""
    return outbound_cluster(destination_port(destination, target, listen_port), destination.host, destination.subset)


def egress_proxy_cluster(view: ProxyView) -> str:
    """The cluster that a Sidecar names for traffic to unknown hosts; empty if it names none."""
    proxy = view.egress_proxy
    return outbound_cluster(proxy.port or 0, proxy.host, proxy.subset) if proxy is not None else ""


def destination_policy(target: VisibleService | None, port: int, subset: str = "") -> PortPolicy:
    """The policy of the cluster that traffic to a service port, or to a subset of it, is sent to."""
    rule = target.rule if target is not None else None
    found = next((s for s in rule.subsets if s.name == subset), None) if rule and subset else None
    return port_policy(rule, found, port)


def consistent_hash(policy: PortPolicy) -> ConsistentHashLB | None:
    """By what requests are spread, if by anything of theirs: the cluster has the ring, the route takes the hash."""
    return policy.load_balancer.consistent_hash if policy.load_balancer else None


def hash_policies(hashes: Iterable[ConsistentHashLB | None]) -> list[RouteActionHashPolicy]:
    """Envoy's list for a route, each once."""
    return [_hash_policy(lb) for lb in dict.fromkeys(hashes) if lb is not None]


def _hash_policy(lb: ConsistentHashLB) -> RouteActionHashPolicy:
    if lb.http_header_name:
        return RouteActionHashPolicy(header=RouteActionHashPolicyHeader(header_name=lb.http_header_name))
    if lb.http_cookie is not None:
        cookie = lb.http_cookie
        attributes = [RouteActionHashPolicyCookieAttribute(name=a.name, value=a.value) for a in cookie.attributes]
        return RouteActionHashPolicy(
            cookie=RouteActionHashPolicyCookie(
                name=cookie.name, path=cookie.path, ttl=cookie.ttl, attributes=attributes
            )
        )
    if lb.http_query_parameter_name:
        name = lb.http_query_parameter_name
        return RouteActionHashPolicy(query_parameter=RouteActionHashPolicyQueryParameter(name=name))
    return RouteActionHashPolicy(
        connection_properties=RouteActionHashPolicyConnectionProperties(source_ip=lb.use_source_ip)
    )
