"""Which WasmPlugins and TrafficExtensions a proxy runs, and in what order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xds.model.extensions import Extension, Module, ModuleFailure, Modules, PluginPhase, ProxyExtension, Wasm
from xds.model.labels import Labels
from xds.model.mesh import Mesh
from xds.model.view import ViewKey
from xds.pipeline.attachment import attached
from xds.pipeline.memo import Memo

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
    return tuple(sorted(attached(extensions, root_namespace, namespace, labels), key=_order))


def _order(extension: Extension) -> tuple[int, int, tuple[float, str, str], str]:
    """Istio: by phase, the highest priority first, then the oldest; at last by kind, so that it never is chance."""
    phase = _PHASES[extension.phase]
    return phase, -extension.priority, extension.meta.age_order, extension.meta.key.kind


def _module(extension: Extension, modules: Modules) -> Module | ModuleFailure | None:
    return modules.get(extension.action.module) if isinstance(extension.action, Wasm) else None
