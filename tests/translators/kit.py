"""Small meshes of model objects, the views that proxies have of them, and what translators make of the views."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from envoy_data_plane.envoy.config.cluster.v3 import Cluster
from envoy_data_plane.envoy.config.endpoint.v3 import ClusterLoadAssignment

from xds.model.gateways import Gateway, Sidecar
from xds.model.labels import EMPTY_LABELS, Labels
from xds.model.mesh import EMPTY_MESH, Mesh
from xds.model.objects import ObjectKey, ObjectMeta, Origin
from xds.model.policy import DestinationRule, Subset, TrafficPolicy
from xds.model.proxy import CaptureMode, Proxy, ProxyType
from xds.model.routing import VirtualService
from xds.model.services import (
    Endpoint,
    Protocol,
    Service,
    ServiceEndpoints,
    ServiceInstance,
    ServicePort,
)
from xds.model.settings import MeshSettings
from xds.model.view import ProxyView
from xds.pipeline import Memo, Resources, Translator, view_key, view_of
from xds.resources import CLUSTER, ENDPOINT, Resource

ORIGIN = Origin("mesh.yaml", 1)


def meta(kind: str, name: str, namespace: str = "default") -> ObjectMeta:
    """Metadata as a document of that kind would have."""
    group = "" if kind == "Service" else "networking.istio.io"
    return ObjectMeta(ObjectKey(kind, namespace, name), ORIGIN, group, "v1")


def http(number: int = 80) -> ServicePort:
    return port(number, Protocol.HTTP)


def port(number: int, protocol: Protocol, name: str = "") -> ServicePort:
    return ServicePort(number, name or protocol.value.lower(), protocol)


def service(name: str, *ports: ServicePort, namespace: str = "default") -> Service:
    """A Kubernetes Service; without ports it has HTTP on 80. Use ``dataclasses.replace`` for what is unusual."""
    hostname = f"{name}.{namespace}.svc.cluster.local"
    return Service(hostname, meta("Service", name, namespace), ports or (http(),))


def service_entry(hostname: str, *ports: ServicePort) -> Service:
    """A host of an Istio ServiceEntry."""
    return Service(hostname, meta("ServiceEntry", hostname.replace(".", "-")), ports or (http(),))


def subset(name: str, policy: TrafficPolicy | None = None, **labels: str) -> Subset:
    """A subset by labels, by default ``version: <name>``."""
    return Subset(name, ORIGIN, Labels(labels or {"version": name}), policy)


def rule(target: Service, policy: TrafficPolicy | None = None, *subsets: Subset) -> DestinationRule:
    """A DestinationRule of the same name and namespace as the service."""
    namespace = target.meta.namespace
    return DestinationRule(meta("DestinationRule", target.meta.name, namespace), target.hostname, policy, subsets)


def endpoints(target: Service, *addresses: str | Endpoint, number: int = 80) -> ServiceEndpoints:
    """Endpoints of one port; those given as text are ``address`` on the port's own number."""
    group = tuple(e if isinstance(e, Endpoint) else Endpoint(e, number) for e in addresses)
    return ServiceEndpoints(target.key, {number: group})


def mesh(
    services: Iterable[Service] = (),
    endpoints: Iterable[ServiceEndpoints] = (),
    rules: Iterable[DestinationRule] = (),
    virtual_services: Iterable[VirtualService] = (),
    gateways: Iterable[Gateway] = (),
    sidecars: Iterable[Sidecar] = (),
    instances: Mapping[str, tuple[ServiceInstance, ...]] | None = None,
    settings: MeshSettings | None = None,
) -> Mesh:
    """A Mesh with these objects."""
    return replace(
        EMPTY_MESH,
        settings=settings or EMPTY_MESH.settings,
        services=tuple(sorted(services, key=lambda service: service.key)),
        endpoints={group.service: group for group in endpoints},
        destination_rules=_by_namespace(rules),
        virtual_services=tuple(virtual_services),
        gateways=tuple(gateways),
        sidecars=_by_namespace(sidecars),
        instances=instances or {},
    )


T = TypeVar("T", DestinationRule, Sidecar)


def _by_namespace(objects: Iterable[T]) -> dict[str, tuple[T, ...]]:
    groups: dict[str, list[T]] = {}
    for item in objects:
        groups.setdefault(item.meta.namespace, []).append(item)
    return {namespace: tuple(group) for namespace, group in groups.items()}


def proxy(
    ip: str = "10.9.9.9",
    *,
    type: ProxyType = ProxyType.SIDECAR,  # noqa: A002 - the field's name
    capture: CaptureMode = CaptureMode.REDIRECT,
    namespace: str = "default",
    labels: Labels = EMPTY_LABELS,
    proxyless: bool = False,
) -> Proxy:
    """A redirecting sidecar of namespace default, unless told otherwise."""
    domain = f"{namespace}.svc.cluster.local"
    return Proxy("id", type, "client", namespace, (ip,), domain, labels, capture=capture, proxyless=proxyless)


GATEWAY = proxy("10.9.9.8", type=ProxyType.ROUTER)
EXPLICIT = proxy("127.9.9.9", capture=CaptureMode.NONE)
SIDECAR = proxy()
GRPC_CLIENT = proxy(proxyless=True)


def view(mesh: Mesh, proxy: Proxy = SIDECAR, memo: Memo | None = None) -> ProxyView:
    """What ``proxy`` sees of ``mesh``, as the pipeline decides it."""
    memo = Memo() if memo is None else memo
    return view_of(mesh, view_key(mesh, proxy, memo), memo)


def resources(translator: Translator, view: ProxyView, memo: Memo | None = None) -> dict[str, Resource]:
    """The whole resources that a translator contributes, by name; a name that comes twice is an error."""
    found: dict[str, Resource] = {}
    for contribution in translator(view, Memo() if memo is None else memo):
        assert isinstance(contribution, Resources)
        for resource in contribution.resources:
            assert resource.name not in found
            found[resource.name] = resource
    return found


def decoded_clusters(resources: Mapping[str, Resource]) -> dict[str, Cluster]:
    """As the library reads them. It warns of DNS settings, which Envoy has for this discovery type nowhere else."""
    assert {resource.type_url for resource in resources.values()} <= {CLUSTER}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Cluster\.(dns_refresh_rate|respect_dns_ttl) is", DeprecationWarning)
        return {name: Cluster.parse(resource.body) for name, resource in resources.items()}


def decoded_assignments(resources: Mapping[str, Resource]) -> dict[str, ClusterLoadAssignment]:
    """As the library reads them."""
    assert {resource.type_url for resource in resources.values()} <= {ENDPOINT}
    return {name: ClusterLoadAssignment.parse(resource.body) for name, resource in resources.items()}
