"""What the streams of a fan-out are served: the mesh, its changes, and the proxies that ask for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from bench.case import Size
from bench.documents import apps, mesh_files
from xds.model.proxy import Proxy, ProxyType

NAMESPACE = "team-00"
_EXTERNAL_FILE = "external.yaml"


def files(size: Size) -> Mapping[str, str]:
    """The mesh of the other cases, and a service outside of it."""
    return {**mesh_files(size), _EXTERNAL_FILE: _external(1)}


def endpoint_change(size: Size, number: int) -> tuple[str, str]:
    """A path and its new text: another endpoint of the first service is not ready."""
    app = apps(size)[0]
    return app.path("endpoints"), app.endpoint_slice(unready=number % app.endpoints)


def route_change(size: Size, number: int) -> tuple[str, str]:
    """A path and its new text: the weights of the first service's VirtualService."""
    app = apps(size)[0]
    return app.path("virtual-service"), app.virtual_service(11 + number % 80)


def cluster_change(_: Size, number: int) -> tuple[str, str]:
    """A path and its new text: a cluster that has no endpoints of its own."""
    return _EXTERNAL_FILE, _external(2 + number % 50)


CHANGES: Mapping[str, Callable[[Size, int], tuple[str, str]]] = MappingProxyType(
    {"endpoint": endpoint_change, "route": route_change, "cluster": cluster_change}
)
"""By what they are of: the mesh and the number of the change to a path and its new text, another than for the number
before."""


def _external(seconds: int) -> str:
    return f"""\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: external, namespace: {NAMESPACE}}}
spec:
  hosts: [external.example.com]
  location: MESH_EXTERNAL
  resolution: DNS
  ports: [{{number: 8443, name: tcp, protocol: TCP}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: external, namespace: {NAMESPACE}}}
spec:
  host: external.example.com
  trafficPolicy: {{connectionPool: {{tcp: {{connectTimeout: {seconds}s}}}}}}
"""


def node_id(number: int) -> str:
    """Of one of the proxies, which are replicas of one workload."""
    address = f"10.{100 + number // 62_500}.{number // 250 % 250}.{number % 250 + 1}"
    return f"sidecar~{address}~client-{number}.{NAMESPACE}~{NAMESPACE}.svc.cluster.local"


def replica() -> Proxy:
    """One of the proxies as the server sees it: all of them have the same view."""
    name = "client-0"
    return Proxy(node_id(0), ProxyType.SIDECAR, name, NAMESPACE, ("10.100.0.1",), f"{NAMESPACE}.svc.cluster.local")
