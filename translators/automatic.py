"""Clusters, with their endpoints, for the services that AUTO_PASSTHROUGH servers pass TLS on to (Istio "SNI-DNAT").

A cluster has the name that callers ask for in the handshake. Their TLS goes through it as it is, whatever a
DestinationRule says of TLS towards the service: to endpoints that accept mutual TLS, and to no others, as in Istio.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from envoy_data_plane.envoy.config.cluster.v3 import ClusterDiscoveryType

from translators.cluster.assignment import assignment, encoded_endpoints
from translators.cluster.outbound import is_inline, service_clusters, target_endpoints
from translators.cluster.peers import accepts_mutual_tls
from translators.cluster.target import Client, Target, targets
from translators.names import outbound_sni
from xds.model.gateways import HostSelector, Server
from xds.model.hosts import host_matches
from xds.model.peer_authentication import PeerPolicies
from xds.model.server_tls import ServerTLSMode
from xds.model.services import Location, Protocol, Service, ServiceEndpoints
from xds.model.settings import MeshSettings
from xds.model.view import ProxyView, VisibleService
from xds.pipeline import Contribution, Memo, Resources
from xds.resources import ENDPOINT, Resource


def translate(view: ProxyView, memo: Memo) -> Iterator[Contribution]:
    """Nothing unless the proxy is a gateway with such a server."""
    servers = [entry.server for port in view.gateway for entry in port.servers]
    passing = [each for each in servers if each.mode is ServerTLSMode.AUTO_PASSTHROUGH]
    for visible in reachable(passing, view.services) if passing else ():
        of_service = memo(_targets, visible)
        every = view.endpoints.get(visible.service.key)
        endpoints = memo(_accepting, every, view.unencrypted) if every is not None else None
        yield memo(_clusters, of_service, view.settings, endpoints if any(map(is_inline, of_service)) else None, memo)
        yield memo(_assignments, of_service, endpoints, memo)


def _accepting(endpoints: ServiceEndpoints, unencrypted: PeerPolicies | None) -> ServiceEndpoints:
    """Those that accept mutual TLS."""
    return ServiceEndpoints(
        endpoints.service,
        {
            port: tuple(each for each in group if accepts_mutual_tls(each, unencrypted))
            for port, group in endpoints.by_port.items()
        },
    )


def reachable(servers: Iterable[Server], services: Iterable[VisibleService]) -> Iterator[VisibleService]:
    """The services of the mesh that any of the servers exposes."""
    selectors = [selector for server in servers for selector in server.hosts]
    for visible in services:
        service = visible.service
        if service.location is Location.MESH_INTERNAL and any(_exposes(selector, service) for selector in selectors):
            yield visible


def _exposes(selector: HostSelector, service: Service) -> bool:
    return selector.namespace in ("*", service.meta.namespace) and host_matches(selector.host, service.hostname)


def _targets(visible: VisibleService) -> tuple[Target, ...]:
    found = (_passed(target) for target in targets(visible, Client.GATEWAY) if target.discovery is not None)
    return tuple(found)


def _passed(target: Target) -> Target:
    """The same endpoints for connections that nobody looks into."""
    name = outbound_sni(target.port.number, target.service.hostname, target.subset.name if target.subset else "")
    policy = replace(target.policy, tls=None, tunnel=None)
    return replace(target, name=name, port=replace(target.port, protocol=Protocol.TCP), policy=policy)


def _clusters(
    of_service: tuple[Target, ...], settings: MeshSettings, endpoints: ServiceEndpoints | None, memo: Memo
) -> Resources:
    encoded = memo(encoded_endpoints, endpoints, None, memo) if endpoints is not None else None
    return Resources(service_clusters(of_service, Client.GATEWAY, settings, encoded, None))


def _assignments(of_service: tuple[Target, ...], endpoints: ServiceEndpoints | None, memo: Memo) -> Resources:
    encoded = memo(encoded_endpoints, endpoints, None, memo) if endpoints is not None else {}
    found = (target for target in of_service if target.discovery is ClusterDiscoveryType.EDS)
    bodies = ((target, assignment(target.name, target_endpoints(target, encoded))) for target in found)
    return Resources(tuple(Resource.of(ENDPOINT, t.name, body, (), t.origins) for t, body in bodies))
