"""Runs the translators, remembers what did not change, and survives a translator that fails."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final

from xds.model.mesh import Mesh
from xds.model.proxy import Proxy
from xds.model.view import ProxyView, ViewKey
from xds.pipeline.assemble import assemble
from xds.pipeline.contribution import Contribution
from xds.pipeline.envoyfilter.outcome import NOTHING_PATCHED, PatchReport, Tally
from xds.pipeline.envoyfilter.plan import plan_of
from xds.pipeline.memo import Memo
from xds.pipeline.merge import Mergers
from xds.pipeline.selection import unmet_patches
from xds.pipeline.translator import Translator, is_guard
from xds.pipeline.view import owner, view_key, view_of
from xds.resources import Snapshot


@dataclass(frozen=True, slots=True)
class TranslatorError:
    """What a translator did wrong for a proxy. details: a traceback, or empty.

    translator: its qualified name, or ``assemble`` where contributions do not fit together.
    """

    translator: str
    reason: str
    details: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Compiled:
    """The outcome for all proxies that share a view. Two proxies with the same view get the same object.

    patching: what the patches of EnvoyFilters did.
    """

    view: ProxyView
    snapshot: Snapshot
    errors: tuple[TranslatorError, ...]
    patching: PatchReport = NOTHING_PATCHED


class Pipeline:
    """Turns a Mesh into the resources of a proxy: ``Pipeline((*translators.DEFAULT, mine)).compile(mesh, proxy)``.

    translators: in the order in which they are asked; of two that claim one resource the first has it. Not safe for
    use by several threads at once.
    """

    def __init__(self, translators: Iterable[Translator]) -> None:
        self._translators = tuple(translators)
        self._memo = Memo()
        self._mergers = Mergers()
        self._keys: dict[ViewKey, ViewKey] = {}
        self._last_good: dict[ViewKey, dict[Translator, tuple[Contribution, ...]]] = {}

    def compile(self, mesh: Mesh, proxy: Proxy) -> Compiled:
        """The resources of ``proxy`` under ``mesh``. Never raises because of a translator: see `Compiled.errors`."""
        return self.compile_view(mesh, self.key(mesh, proxy))

    def key(self, mesh: Mesh, proxy: Proxy) -> ViewKey:
        """Of the view of ``proxy``: the same object for all proxies with the same view, until `tidy` forgets it.

        It depends on the proxy and on `key_inputs` alone.
        """
        key = view_key(mesh, proxy, self._memo)
        return self._keys.setdefault(key, key)

    def compile_view(self, mesh: Mesh, key: ViewKey) -> Compiled:
        """`compile`, where the key is known."""
        return self._memo.keep(key, self._compile, mesh, key)

    def view(self, mesh: Mesh, proxy: Proxy) -> ProxyView:
        """What ``proxy`` may see, without compiling it."""
        return view_of(mesh, view_key(mesh, proxy, self._memo), self._memo)

    def tidy(self, mesh: Mesh, proxies: Iterable[Proxy]) -> int:
        """Forgets what is kept for views that no proxy of ``proxies`` has under ``mesh``; returns how many results.

        Of a view that is in use nothing but the latest outcome is kept anyway: this is for proxies that have gone.
        """
        before = len(self._memo)
        unused = self._keys.keys() - {view_key(mesh, proxy, self._memo) for proxy in proxies}
        for key in unused:
            del self._keys[key]
            self._last_good.pop(key, None)
            self._memo.release(key)
            self._memo.release(owner(key))
        self._memo.sweep()
        return before - len(self._memo)

    def _compile(self, mesh: Mesh, key: ViewKey) -> Compiled:
        view = view_of(mesh, key, self._memo)
        errors: list[TranslatorError] = []
        outputs = [self._run(translator, view, errors) for translator in self._translators]
        if self._is_unguarded(key):
            outputs = []
        plan, tally = plan_of(view, self._memo), Tally()
        report = partial(_report, errors)
        snapshot = assemble(outputs, self._mergers, self._memo, report, plan, tally)
        unmet = unmet_patches(mesh, key, self._memo)
        patching = tally.report(view.patches, unmet) if view.patches or unmet else NOTHING_PATCHED
        return Compiled(view, snapshot, tuple(errors), patching)

    def _run(self, translator: Translator, view: ProxyView, errors: list[TranslatorError]) -> tuple[Contribution, ...]:
        good = self._last_good.setdefault(view.key, {})
        try:
            good[translator] = tuple(translator(view, self._memo))
        except Exception as error:  # noqa: BLE001 - one translator must never take the others down with it
            unguarded = is_guard(translator) and translator not in good
            meanwhile = _UNGUARDED if unguarded else "what it last returned for this proxy stays in force"
            reason = f"{type(error).__name__}: {error}; {meanwhile}"
            errors.append(TranslatorError(_name_of(translator), reason, traceback.format_exc()))
        return good.get(translator, ())

    def _is_unguarded(self, key: ViewKey) -> bool:
        """Whether nothing is known of what keeps others out."""
        good = self._last_good.get(key, {})
        return any(is_guard(translator) and translator not in good for translator in self._translators)


_UNGUARDED: Final = "the proxy is sent nothing at all, as nobody would be kept out"


def _report(errors: list[TranslatorError], reason: str) -> None:
    errors.append(TranslatorError("assemble", reason))


def _name_of(translator: Translator) -> str:
    name = getattr(translator, "__qualname__", type(translator).__qualname__)
    return f"{translator.__module__}.{name}"
