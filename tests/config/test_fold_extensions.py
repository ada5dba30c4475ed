"""Extensions go on with the module that they had until there is the one that they ask for."""

from __future__ import annotations

from dataclasses import replace

from xds.config.fold_extensions import Extensions
from xds.model.diagnostic import Severity
from xds.model.extensions import (
    Extension,
    FailStrategy,
    Lua,
    Module,
    ModuleFailure,
    ModuleReference,
    Modules,
    Wasm,
)
from xds.model.objects import ObjectKey, ObjectMeta, Origin

OLD, NEW = ModuleReference("https://modules.example.com/1"), ModuleReference("https://modules.example.com/2")
KEY = ObjectKey("WasmPlugin", "shop", "plugin")
META = ObjectMeta(KEY, Origin("mesh.yaml", 1))


def plugin(reference: ModuleReference, priority: int = 0) -> Extension:
    return Extension(META, Wasm(reference, Origin("mesh.yaml", 7)), priority=priority)


def running(extensions: Extensions) -> tuple[ModuleReference, int]:
    (found,) = extensions.by_namespace["shop"]
    assert isinstance(found.action, Wasm)
    return found.action.module, found.priority


def test_a_new_module_replaces_the_old_one_when_it_is_there() -> None:
    modules: Modules = {OLD: Module("1", b"1")}
    before = Extensions().update([(None, plugin(OLD))], modules)
    waiting = before.update([(plugin(OLD), plugin(NEW, priority=9))], modules)
    assert running(waiting) == (OLD, 9), "only what needs the module waits"
    assert waiting.wanted == {OLD, NEW}
    after = waiting.update([], {**modules, NEW: Module("2", b"2")})
    assert running(after) == (NEW, 9)
    assert after.wanted == {NEW}


def test_one_that_never_ran_asks_for_what_it_says() -> None:
    assert running(Extensions().update([(None, plugin(NEW))], {})) == (NEW, 0)


def test_a_failure_is_told_where_the_url_is_written_with_what_it_means() -> None:
    failed = Extensions().update([(None, plugin(NEW))], {NEW: ModuleFailure("there is no such file")})
    (finding,) = failed.findings
    assert (finding.severity, finding.code, finding.path) == (Severity.ERROR, "module-unavailable", "spec.url")
    assert finding.origin == Origin("mesh.yaml", 7)
    assert "there is no such file; until it can be had, traffic that the extension is for is refused" in finding.reason


def test_what_goes_on_with_an_older_module_says_so() -> None:
    modules: Modules = {OLD: Module("1", b"1"), NEW: ModuleFailure("no")}
    before = Extensions().update([(None, plugin(OLD))], modules)
    (finding,) = before.update([(plugin(OLD), plugin(NEW))], modules).findings
    assert finding.reason == "no; the module that there was before stays in force"


def test_a_module_that_could_not_be_fetched_again_is_a_warning() -> None:
    modules = {OLD: replace(Module("1", b"1"), remark="it answered 500")}
    (finding,) = Extensions().update([(None, plugin(OLD))], modules).findings
    assert (finding.severity, finding.reason) == (
        Severity.WARNING,
        "it answered 500; the module that there was before stays in force",
    )


def test_fail_open_says_that_traffic_passes() -> None:
    wasm = Wasm(NEW, Origin("mesh.yaml", 7), fail_strategy=FailStrategy.FAIL_OPEN)
    failed = Extensions().update([(None, Extension(META, wasm))], {NEW: ModuleFailure("no")})
    assert "traffic passes without it" in failed.findings[0].reason


def test_nothing_new_is_the_same_object_and_what_is_gone_is_gone() -> None:
    lua = Extension(META, Lua("-- nothing"))
    before = Extensions().update([(None, lua)], {})
    assert before.update([], before.modules) is before
    assert not before.update([(lua, None)], before.modules).by_namespace
