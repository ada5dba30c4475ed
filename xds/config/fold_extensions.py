"""WasmPlugins and TrafficExtensions as they can be run, with the modules that there are.

An extension whose module cannot be had, yet or any more, goes on with the module and the configuration that it last had
in force: the rest of it is as it is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from xds.config.drafts import Draft
from xds.config.fetched import NOTHING_FETCHED
from xds.config.fold_policies import revise_by_namespace
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.extensions import Extension, FailStrategy, Lua, Module, ModuleFailure, ModuleReference, Modules, Wasm
from xds.model.objects import ObjectKey

Change: TypeAlias = tuple[Extension | None, Extension | None]
"""An extension as it was and as it is; None where there is none."""


@dataclass(frozen=True, slots=True, eq=False)
class Extensions:
    """All extensions.

    written: what the documents say. in_force: what of it can be run. by_namespace: the same, oldest first. wanted: the
    modules that are needed for either.
    """

    written: Mapping[ObjectKey, Extension] = field(default_factory=dict)
    in_force: Mapping[ObjectKey, Extension] = field(default_factory=dict)
    by_namespace: Mapping[str, tuple[Extension, ...]] = field(default_factory=dict)
    modules: Modules = field(default_factory=lambda: NOTHING_FETCHED.modules)
    wanted: frozenset[ModuleReference] = frozenset()
    findings: tuple[Diagnostic, ...] = ()

    def update(self, changes: Iterable[Change], modules: Modules) -> Extensions:
        """After ``changes``, with what is known of modules now. The same object if nothing is new."""
        written = Draft(self.written)
        for old, new in changes:
            one = new if new is not None else old
            if one is not None:
                written.set(one.meta.key, new)
        after = written.done()
        if after is self.written and modules is self.modules:
            return self
        return self._revised(after, modules)

    def _revised(self, written: Mapping[ObjectKey, Extension], modules: Modules) -> Extensions:
        in_force = Draft(self.in_force)
        for key in self.in_force.keys() | written.keys():
            in_force.set(key, _runnable(written.get(key), self.in_force.get(key), modules))
        after = in_force.done()
        changes = ((self.in_force.get(key), after.get(key)) for key in self.in_force.keys() | after.keys())
        return Extensions(
            written=written,
            in_force=after,
            by_namespace=revise_by_namespace(self.by_namespace, [(old, new) for old, new in changes if old is not new]),
            modules=modules,
            wanted=frozenset((*_references(written.values()), *_references(after.values()))),
            findings=tuple(_findings(written, after, modules)),
        )


def _runnable(written: Extension | None, before: Extension | None, modules: Modules) -> Extension | None:
    """What is written, with what ran before if the module for it is not there and the one before is."""
    if written is None or before is None or written == before:
        return before if written is not None and before is not None else written
    if not isinstance(written.action, Wasm) or _module(written.action, modules) is not None:
        return written
    if not isinstance(before.action, Wasm) or _module(before.action, modules) is None:
        return written
    kept = replace(written, action=before.action)
    return before if kept == before else kept


def _module(action: Wasm, modules: Modules) -> Module | None:
    known = modules.get(action.module)
    return known if isinstance(known, Module) else None


def _references(extensions: Iterable[Extension]) -> Iterator[ModuleReference]:
    return (each.action.module for each in extensions if isinstance(each.action, Wasm))


def _findings(
    written: Mapping[ObjectKey, Extension], in_force: Mapping[ObjectKey, Extension], modules: Modules
) -> Iterator[Diagnostic]:
    for key in sorted(written):
        action = written[key].action
        if not isinstance(action, Wasm):
            continue
        known = modules.get(action.module)
        path = "spec.url" if key.kind == "WasmPlugin" else "spec.wasm.url"
        if isinstance(known, ModuleFailure):
            reason = f"{known.reason}; {_meanwhile(action, in_force[key].action, modules)}"
            yield Diagnostic(Severity.ERROR, action.origin, reason, key, path, "module-unavailable")
        elif known is not None and known.remark:
            reason = f"{known.remark}; {_KEPT}"
            yield Diagnostic(Severity.WARNING, action.origin, reason, key, path, "module-unavailable")


def _meanwhile(written: Wasm, running: Lua | Wasm, modules: Modules) -> str:
    kept = isinstance(running, Wasm) and _module(running, modules) is not None
    return _KEPT if kept else _EFFECTS[written.fail_strategy]


_KEPT: Final = "the module that there was before stays in force"
_REFUSED: Final = "until it can be had, traffic that the extension is for is refused (failStrategy FAIL_CLOSE)"
_EFFECTS: Final[Mapping[FailStrategy, str]] = {
    FailStrategy.FAIL_CLOSE: _REFUSED,
    FailStrategy.FAIL_RELOAD: _REFUSED.replace("FAIL_CLOSE", "FAIL_RELOAD"),
    FailStrategy.FAIL_OPEN: "until it can be had, traffic passes without it (failStrategy FAIL_OPEN)",
}
