"""Which patches of EnvoyFilters are for a proxy, in the order in which they are applied."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from xds.model.envoy_filters import ApplyTo, ConfigPatch, EnvoyFilter, PatchContext, ProxyCondition
from xds.model.labels import Labels
from xds.model.mesh import Mesh
from xds.model.proxy import Proxy, ProxyType
from xds.model.view import ViewKey
from xds.pipeline.memo import Memo

_MAX_VERSION = 64

FiltersByNamespace = Mapping[str, tuple[EnvoyFilter, ...]]


def conditions_met(
    filters: FiltersByNamespace, root_namespace: str, proxy: Proxy, labels: Labels, memo: Memo
) -> tuple[ProxyCondition, ...]:
    """Of what the patches for this proxy ask of its version and metadata, that which it has; mostly nothing is asked.

    labels: the proxy's, the same object for equal ones.
    """
    if not filters:
        return ()
    asked = memo(_conditions, filters, root_namespace, proxy.namespace, labels)
    return tuple(condition for condition in asked if _meets(proxy, condition))


def _conditions(
    filters: FiltersByNamespace, root_namespace: str, namespace: str, labels: Labels
) -> tuple[ProxyCondition, ...]:
    selected = _selecting(filters, root_namespace, namespace, labels)
    every = (patch.proxy for each in selected for patch in each.patches)
    return tuple(dict.fromkeys(condition for condition in every if condition is not None))


def _meets(proxy: Proxy, condition: ProxyCondition) -> bool:
    """As in Istio: a proxy that does not say its version has none that could match. What it says is bounded, because
    some patterns take long for long texts."""
    version = proxy.version[:_MAX_VERSION]
    if condition.version and not (version and re.search(condition.version, version)):
        return False
    return condition.metadata.selects(proxy.metadata)


def selected_patches(mesh: Mesh, key: ViewKey, memo: Memo) -> tuple[ConfigPatch, ...]:
    """Those of what a proxy asks for, the same tuple for the same ones.

    Istio: the lower priority first, then the root namespace's, then the oldest; those of one object as they stand. What
    a gRPC client gets, an EnvoyFilter says nothing of.
    """
    filters, root = mesh.envoy_filters, mesh.settings.root_namespace
    if not filters or key.proxyless:
        return ()
    return memo(_selected, filters, root, key.type, key.namespace, key.labels, key.conditions, memo)


def _selected(
    filters: FiltersByNamespace,
    root_namespace: str,
    type: ProxyType,  # noqa: A002 - the name that it has everywhere
    namespace: str,
    labels: Labels,
    conditions: tuple[ProxyCondition, ...],
    memo: Memo,
) -> tuple[ConfigPatch, ...]:
    every = _ordered(filters, root_namespace, type, namespace, labels, conditions)
    return memo(_interned, *(patch for patch in every if patch.apply_to is not ApplyTo.BOOTSTRAP))


def unmet_patches(mesh: Mesh, key: ViewKey, memo: Memo) -> tuple[ConfigPatch, ...]:
    """Those that a proxy would have if it were what they ask for: of another version, with other metadata."""
    filters, root = mesh.envoy_filters, mesh.settings.root_namespace
    if not filters or key.proxyless:
        return ()
    return memo(_unmet, filters, root, key.namespace, key.labels, key.conditions)


def _unmet(
    filters: FiltersByNamespace,
    root_namespace: str,
    namespace: str,
    labels: Labels,
    conditions: tuple[ProxyCondition, ...],
) -> tuple[ConfigPatch, ...]:
    patches = (patch for each in _selecting(filters, root_namespace, namespace, labels) for patch in each.patches)
    return tuple(patch for patch in patches if patch.proxy is not None and patch.proxy not in conditions)


def bootstrap_patches(
    filters: FiltersByNamespace, root_namespace: str, proxy: Proxy, memo: Memo
) -> tuple[ConfigPatch, ...]:
    """Those of what a proxy starts with, in the same order."""
    met = conditions_met(filters, root_namespace, proxy, proxy.labels, memo)
    every = _ordered(filters, root_namespace, proxy.type, proxy.namespace, proxy.labels, met)
    return tuple(patch for patch in every if patch.apply_to is ApplyTo.BOOTSTRAP)


def _ordered(
    filters: FiltersByNamespace,
    root_namespace: str,
    type: ProxyType,  # noqa: A002 - as above
    namespace: str,
    labels: Labels,
    conditions: tuple[ProxyCondition, ...],
) -> Iterator[ConfigPatch]:
    ordered = sorted(
        _selecting(filters, root_namespace, namespace, labels),
        key=lambda each: (each.priority, each.meta.namespace != root_namespace, *each.meta.age_order),
    )
    for patch in (patch for each in ordered for patch in each.patches):
        if patch.context in _CONTEXTS[type] and (patch.proxy is None or patch.proxy in conditions):
            yield patch


_CONTEXTS = {
    ProxyType.SIDECAR: (PatchContext.ANY, PatchContext.SIDECAR_INBOUND, PatchContext.SIDECAR_OUTBOUND),
    ProxyType.ROUTER: (PatchContext.ANY, PatchContext.GATEWAY),
}
"""What proxies of a type have."""


def _interned(*patches: ConfigPatch) -> tuple[ConfigPatch, ...]:
    return patches


def _selecting(
    filters: FiltersByNamespace, root_namespace: str, namespace: str, labels: Labels
) -> Iterator[EnvoyFilter]:
    for each in dict.fromkeys((root_namespace, namespace)):
        for candidate in filters.get(each, ()):
            if candidate.workload_selector is None or candidate.workload_selector.selects(labels):
                yield candidate
