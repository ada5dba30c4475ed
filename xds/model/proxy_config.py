"""ProxyConfig: what the proxies of some workloads are given when they start."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from xds.model.labels import EMPTY_LABELS, Labels
from xds.model.objects import ObjectMeta
from xds.model.settings import ProxyDefaults


@dataclass(frozen=True, slots=True)
class ProxyConfig:
    """Istio ``ProxyConfig``. selector: of workloads of its namespace, None for all. metadata: as in `ProxyDefaults`."""

    meta: ObjectMeta
    selector: Labels | None = None
    metadata: Labels = EMPTY_LABELS


def with_proxy_configs(
    defaults: ProxyDefaults, configs: Iterable[ProxyConfig], namespace: str, labels: Labels, root_namespace: str
) -> ProxyDefaults:
    """What a workload's proxy is given: the narrower an object, the more it counts.

    The root namespace's objects without a selector are for the whole mesh. Of equals the oldest counts.
    """
    youngest_first = sorted(configs, key=lambda config: config.meta.age_order, reverse=True)
    ranked = [(_rank(config, namespace, labels, root_namespace), config) for config in youngest_first]
    metadata = dict(defaults.metadata)
    for rank, config in sorted(ranked, key=lambda pair: pair[0]):
        metadata.update(config.metadata if rank else {})
    return replace(defaults, metadata=Labels(metadata))


def _rank(config: ProxyConfig, namespace: str, labels: Labels, root_namespace: str) -> int:
    """1 for the mesh, 2 for a namespace, 3 for chosen workloads, 0 for others than ours."""
    if config.selector is not None:
        return 3 if config.meta.namespace == namespace and config.selector.selects(labels) else 0
    return 2 if config.meta.namespace == namespace else int(config.meta.namespace == root_namespace)
