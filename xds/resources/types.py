"""The type URLs of the resources that we serve."""

from __future__ import annotations

from typing import NewType

TypeUrl = NewType("TypeUrl", str)
"""``type.googleapis.com/`` and the full name of the resource's message."""

LISTENER = TypeUrl("type.googleapis.com/envoy.config.listener.v3.Listener")
ROUTE = TypeUrl("type.googleapis.com/envoy.config.route.v3.RouteConfiguration")
SCOPED_ROUTE = TypeUrl("type.googleapis.com/envoy.config.route.v3.ScopedRouteConfiguration")
VIRTUAL_HOST = TypeUrl("type.googleapis.com/envoy.config.route.v3.VirtualHost")
CLUSTER = TypeUrl("type.googleapis.com/envoy.config.cluster.v3.Cluster")
ENDPOINT = TypeUrl("type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment")
SECRET = TypeUrl("type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret")
RUNTIME = TypeUrl("type.googleapis.com/envoy.service.runtime.v3.Runtime")
EXTENSION_CONFIG = TypeUrl("type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig")

TYPE_ORDER = (
    CLUSTER,
    ENDPOINT,
    SECRET,
    LISTENER,
    SCOPED_ROUTE,
    ROUTE,
    VIRTUAL_HOST,
    EXTENSION_CONFIG,
    RUNTIME,
)
"""Make before break: the order in which types of one change go out on an aggregated stream (xDS specification)."""
