"""The gRPC services of xDS: names and methods, by type."""

from __future__ import annotations

from dataclasses import dataclass

from xds.protocol import Variant
from xds.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET, TypeUrl
from xds.resources.types import EXTENSION_CONFIG, RUNTIME, SCOPED_ROUTE, VIRTUAL_HOST


@dataclass(frozen=True, slots=True)
class Method:
    """One streaming method. only: the one type that it serves; None for an aggregated one."""

    service: str
    name: str
    variant: Variant
    only: TypeUrl | None


_TYPED = (
    ("envoy.service.cluster.v3.ClusterDiscoveryService", "Clusters", CLUSTER),
    ("envoy.service.endpoint.v3.EndpointDiscoveryService", "Endpoints", ENDPOINT),
    ("envoy.service.listener.v3.ListenerDiscoveryService", "Listeners", LISTENER),
    ("envoy.service.route.v3.RouteDiscoveryService", "Routes", ROUTE),
    ("envoy.service.route.v3.ScopedRoutesDiscoveryService", "ScopedRoutes", SCOPED_ROUTE),
    ("envoy.service.secret.v3.SecretDiscoveryService", "Secrets", SECRET),
    ("envoy.service.runtime.v3.RuntimeDiscoveryService", "Runtime", RUNTIME),
    ("envoy.service.extension.v3.ExtensionConfigDiscoveryService", "ExtensionConfigs", EXTENSION_CONFIG),
)

_AGGREGATED = "envoy.service.discovery.v3.AggregatedDiscoveryService"

METHODS = (
    Method(_AGGREGATED, "StreamAggregatedResources", Variant.SOTW, None),
    Method(_AGGREGATED, "DeltaAggregatedResources", Variant.DELTA, None),
    *(Method(service, f"Stream{name}", Variant.SOTW, type_url) for service, name, type_url in _TYPED),
    *(Method(service, f"Delta{name}", Variant.DELTA, type_url) for service, name, type_url in _TYPED),
    Method("envoy.service.route.v3.VirtualHostDiscoveryService", "DeltaVirtualHosts", Variant.DELTA, VIRTUAL_HOST),
)
"""Every method that is served."""
