"""What a shape is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.case import Size
from xds.model.labels import Labels
from xds.model.proxy import Proxy, ProxyType
from xds.model.services import UNKNOWN_LOCALITY, Locality

NAMESPACE = "default"


@dataclass(frozen=True, slots=True)
class Shape:
    """A mesh, as a function of how much is measured.

    files: every file by path. change: the number of a change, to a path and its new text, another than that of the
    change before.
    """

    name: str
    files: Callable[[Size], Mapping[str, str]]
    proxy: Proxy
    change: Callable[[Size, int], tuple[str, str]]


def gateway() -> Proxy:
    """An ingress gateway."""
    return _proxy(ProxyType.ROUTER, "ingress", Labels({"istio": "ingressgateway"}))


def sidecar(locality: Locality = UNKNOWN_LOCALITY) -> Proxy:
    """A client in the mesh that serves nothing itself."""
    return _proxy(ProxyType.SIDECAR, "client", Labels({"app": "client"}), locality)


def _proxy(type_: ProxyType, name: str, labels: Labels, locality: Locality = UNKNOWN_LOCALITY) -> Proxy:
    domain = f"{NAMESPACE}.svc.cluster.local"
    return Proxy(
        id=f"{type_.value}~10.255.0.1~{name}.{NAMESPACE}~{domain}",
        type=type_,
        name=name,
        namespace=NAMESPACE,
        ip_addresses=("10.255.0.1",),
        dns_domain=domain,
        labels=labels,
        locality=locality,
    )
