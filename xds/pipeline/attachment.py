"""Which policies are for a proxy: by a selector of workloads, or by the Gateway that they are attached to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Protocol, TypeVar

from xds.model.labels import Labels
from xds.model.objects import ObjectMeta

GATEWAY_NAME: Final = "gateway.networking.k8s.io/gateway-name"
"""The label of the proxies of a Kubernetes Gateway."""


class Attachable(Protocol):
    """A policy with a selector, empty for all, or with the names of Gateways instead."""

    @property
    def meta(self) -> ObjectMeta: ...

    @property
    def selector(self) -> Labels: ...

    @property
    def gateways(self) -> tuple[str, ...] | None: ...


A = TypeVar("A", bound=Attachable)


def attached(policies: Mapping[str, tuple[A, ...]], root_namespace: str, namespace: str, labels: Labels) -> Iterator[A]:
    """Those of the root namespace, then those of the proxy's own, that are for a proxy with these labels."""
    namespaces = dict.fromkeys((root_namespace, namespace))
    return (each for name in namespaces for each in policies.get(name, ()) if _is_for(each, namespace, labels))


def _is_for(policy: Attachable, namespace: str, labels: Labels) -> bool:
    """A Gateway is aimed at in its own namespace only."""
    if policy.gateways is None:
        return policy.selector.selects(labels)
    return policy.meta.namespace == namespace and labels.get(GATEWAY_NAME, "") in policy.gateways
