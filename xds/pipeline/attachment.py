"""Which objects of a kind are for a proxy: of its own namespace and of the root namespace, by selector or by target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Protocol, TypeVar

from xds.model.labels import Labels
from xds.model.objects import ObjectMeta

GATEWAY_NAME: Final = "gateway.networking.k8s.io/gateway-name"
"""The label of the proxies of a Kubernetes Gateway."""


class Attachable(Protocol):
    """An object that selects workloads, or names Kubernetes Gateways instead (None if it does not)."""

    @property
    def meta(self) -> ObjectMeta: ...
    @property
    def selector(self) -> Labels: ...
    @property
    def gateways(self) -> tuple[str, ...] | None: ...


A = TypeVar("A", bound=Attachable)


def attached(objects: Mapping[str, tuple[A, ...]], root_namespace: str, namespace: str, labels: Labels) -> Iterator[A]:
    """Those of ``objects``, which are by namespace, that are for a proxy of this namespace with these labels: the root
    namespace's first."""
    namespaces = dict.fromkeys((root_namespace, namespace))
    every = (each for name in namespaces for each in objects.get(name, ()))
    return (each for each in every if _is_for(each, namespace, labels))


def _is_for(attachable: Attachable, namespace: str, labels: Labels) -> bool:
    """A Gateway is aimed at in its own namespace only."""
    if attachable.gateways is None:
        return attachable.selector.selects(labels)
    return attachable.meta.namespace == namespace and labels.get(GATEWAY_NAME, "") in attachable.gateways
