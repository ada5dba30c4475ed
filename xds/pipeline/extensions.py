"""Which WasmPlugins and TrafficExtensions a proxy runs, and in what order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xds.model.extensions import Extension, Module, ModuleFailure, Modules, PluginPhase, ProxyExtension, Wasm
from xds.model.labels import Labels
from xds.model.mesh import Mesh
from xds.model.view import ViewKey
from xds.pipeline.memo import Memo

GATEWAY_NAME: Final = "gateway.networking.k8s.io/gateway-name"
"""The label of the proxies of a Kubernetes Gateway."""

_PHASES: Final = {
    phase: number
    for number, phase in enumerate((PluginPhase.AUTHN, PluginPhase.AUTHZ, PluginPhase.STATS, PluginPhase.UNSPECIFIED))
}


def extensions_of(mesh: Mesh, key: ViewKey, memo: Memo) -> tuple[ProxyExtension, ...]:
    """Those of its namespace and of the root namespace that select it. The same tuple while none of them changes."""
    if not mesh.extensions:
        return ()
    chosen = memo(_chosen, mesh.extensions, mesh.settings.root_namespace, key.namespace, key.labels)
    found = (memo(ProxyExtension, each, _module(each, mesh.modules)) for each in chosen)
    return memo(_together, *found)


def _together(*extensions: ProxyExtension) -> tuple[ProxyExtension, ...]:
    return extensions


def _chosen(
    extensions: Mapping[str, tuple[Extension, ...]], root_namespace: str, namespace: str, labels: Labels
) -> tuple[Extension, ...]:
    namespaces = dict.fromkeys((root_namespace, namespace))
    found = (each for name in namespaces for each in extensions.get(name, ()) if _selects(each, namespace, labels))
    return tuple(sorted(found, key=_order))


def _selects(extension: Extension, namespace: str, labels: Labels) -> bool:
    """A Gateway is aimed at in its own namespace only."""
    if extension.gateways is None:
        return extension.selector.selects(labels)
    return extension.meta.namespace == namespace and labels.get(GATEWAY_NAME, "") in extension.gateways


def _order(extension: Extension) -> tuple[int, int, tuple[float, str, str], str]:
    """Istio: by phase, the highest priority first, then the oldest; at last by kind, so that it never is chance."""
    phase = _PHASES[extension.phase]
    return phase, -extension.priority, extension.meta.age_order, extension.meta.key.kind


def _module(extension: Extension, modules: Modules) -> Module | ModuleFailure | None:
    return modules.get(extension.action.module) if isinstance(extension.action, Wasm) else None
