"""ProxyConfig: what the proxies of some workloads are given when they start."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from operator import itemgetter

from xds.model.labels import EMPTY_LABELS, Labels
from xds.model.objects import ObjectMeta
from xds.model.proxy_settings import ProxyDefaults, ProxyOverride

_OF_OTHERS, _OF_MESH, _OF_NAMESPACE, _OF_WORKLOADS = range(4)
"""Whose proxies an object is for."""


@dataclass(frozen=True, slots=True)
class ProxyConfig:
    """Istio ``ProxyConfig``. selector: of workloads of its namespace, None for all. metadata: as in `ProxyDefaults`."""

    meta: ObjectMeta
    selector: Labels | None = None
    metadata: Labels = EMPTY_LABELS


def with_proxy_configs(
    defaults: ProxyDefaults,
    configs: Iterable[ProxyConfig],
    namespace: str,
    labels: Labels,
    root_namespace: str,
    override: ProxyOverride | None = None,
) -> ProxyDefaults:
    """What a workload's proxy is given: the narrower an object, the more it counts.

    The root namespace's objects without a selector are for the whole mesh. Of equals the oldest counts.
    override: what the workload itself says, which counts less than an object that selects it.
    """
    youngest_first = sorted(configs, key=lambda config: config.meta.age_order, reverse=True)
    ranked = [(_rank(config, namespace, labels, root_namespace), config) for config in youngest_first]
    for_many = [(rank, config) for rank, config in ranked if rank in (_OF_MESH, _OF_NAMESPACE)]
    given = _with_metadata(defaults, (config for _, config in sorted(for_many, key=itemgetter(0))))
    own = override.over(given) if override is not None else given
    return _with_metadata(own, (config for rank, config in ranked if rank == _OF_WORKLOADS))


def _with_metadata(defaults: ProxyDefaults, configs: Iterable[ProxyConfig]) -> ProxyDefaults:
    metadata = dict(defaults.metadata)
    for config in configs:
        metadata.update(config.metadata)
    return replace(defaults, metadata=Labels(metadata))


def _rank(config: ProxyConfig, namespace: str, labels: Labels, root_namespace: str) -> int:
    if config.selector is not None:
        return _OF_WORKLOADS if config.meta.namespace == namespace and config.selector.selects(labels) else _OF_OTHERS
    if config.meta.namespace == namespace:
        return _OF_NAMESPACE
    return _OF_MESH if config.meta.namespace == root_namespace else _OF_OTHERS
