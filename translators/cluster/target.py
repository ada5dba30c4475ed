"""The outbound clusters of a service, and how Envoy is to find the endpoints of each.

Clusters and endpoints are translated apart but must agree on names and on which clusters use EDS: both ask here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

from envoy_data_plane.envoy.config.cluster.v3 import ClusterDiscoveryType

from translators.cluster.policy import PortPolicy, port_policy
from translators.names import config_reference, outbound_cluster
from xds.model.objects import ObjectKey
from xds.model.policy import LoadBalancerSettings, SimpleLB, Subset
from xds.model.proxy import CaptureMode, ProxyType
from xds.model.services import Protocol, Resolution, Service, ServicePort
from xds.model.view import EffectiveRule, ViewKey, VisibleService


class Client(Enum):
    """What about a proxy its outbound clusters depend on."""

    CAPTURING = "capturing"  # a sidecar that knows which address the application dialled
    EXPLICIT = "explicit"  # a sidecar that applications address themselves, or a gRPC client
    GATEWAY = "gateway"


def client_of(key: ViewKey) -> Client:
    """The kind of client that proxies with this key are."""
    if key.type is ProxyType.ROUTER:
        return Client.GATEWAY
    captured = key.capture is CaptureMode.REDIRECT and not key.proxyless
    return Client.CAPTURING if captured else Client.EXPLICIT


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """One outbound cluster.

    subset None: all endpoints of the port. discovery None: there are no endpoints, as the cluster resolves what host a
    request is for. origins: the rules behind it, then the service.
    """

    name: str
    service: Service
    port: ServicePort
    subset: Subset | None
    policy: PortPolicy
    discovery: ClusterDiscoveryType | None
    rule: str
    origins: tuple[ObjectKey, ...]


def targets(visible: VisibleService, client: Client) -> tuple[Target, ...]:
    """The clusters of a service: of each port one for all endpoints, then one for each subset. UDP has none."""
    ports = (port for port in visible.service.ports if port.protocol is not Protocol.UDP)
    return tuple(target for port in ports for target in _of_port(visible, port, client))


def _of_port(visible: VisibleService, port: ServicePort, client: Client) -> Iterator[Target]:
    service, rule = visible.service, visible.rule
    sources = rule.sources if rule is not None else ()
    origins = (*(source.key for source in sources), service.meta.key)
    reference = config_reference(sources[0]) if sources else ""
    for subset in (None, *(rule.subsets if rule is not None else ())):
        name = outbound_cluster(port.number, service.hostname, subset.name if subset is not None else "")
        policy = _with_preference(_allowed(port_policy(rule, subset, port.number), rule, client), service)
        discovery = _discovery(service, policy.load_balancer, client)
        yield Target(name, service, port, subset, policy, discovery, reference, origins)


def _allowed(policy: PortPolicy, rule: EffectiveRule | None, client: Client) -> PortPolicy:
    """Istio: a sidecar asks for a secret only if the rule is meant for its workload; otherwise it sends plain text.

    All others would wait for a secret that they may not have.
    """
    asks = policy.tls is not None and policy.tls.credential_name
    if not asks or client is Client.GATEWAY or (rule is not None and rule.selective):
        return policy
    return replace(policy, tls=None)


def _with_preference(policy: PortPolicy, service: Service) -> PortPolicy:
    """Which endpoints clients prefer is first the rule's matter, then the service's, then the mesh's."""
    balancer = policy.load_balancer or LoadBalancerSettings()
    if service.locality is None or balancer.locality is not None:
        return policy
    return replace(policy, load_balancer=replace(balancer, locality=service.locality))


def _discovery(
    service: Service, load_balancer: LoadBalancerSettings | None, client: Client
) -> ClusterDiscoveryType | None:
    """Istio: headless services and those without resolution go where the application dialled.

    Only a capturing proxy knows that address; for all others the endpoints are streamed, as Istio does for gateways.
    """
    passthrough = load_balancer is not None and load_balancer.simple is SimpleLB.PASSTHROUGH
    undiscovered = service.headless or service.resolution is Resolution.NONE
    if client is Client.CAPTURING and (passthrough or undiscovered):
        return ClusterDiscoveryType.ORIGINAL_DST
    return _BY_RESOLUTION[service.resolution]


_BY_RESOLUTION = {
    Resolution.STATIC: ClusterDiscoveryType.EDS,
    Resolution.NONE: ClusterDiscoveryType.EDS,
    Resolution.DNS: ClusterDiscoveryType.STRICT_DNS,
    Resolution.DNS_ROUND_ROBIN: ClusterDiscoveryType.LOGICAL_DNS,
    Resolution.DYNAMIC_DNS: None,
}
