"""What there is to say about the patches of EnvoyFilters, once they have been applied to what proxies get."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice

from xds.config.document import format_path
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.envoy_filters import ConfigPatch, ProxyCondition
from xds.pipeline import Compiled
from xds.pipeline.envoyfilter.nearest import explained
from xds.pipeline.envoyfilter.outcome import Refusal

_MAX_REFUSALS = 3
"""So many are told of one patch: it may be left out of a thousand virtual hosts for one reason."""


def patch_findings(compiled: Collection[Compiled]) -> tuple[Diagnostic, ...]:
    """Ordered by place. compiled: of every view in use.

    A patch that finds nothing in one proxy may be meant for another: only what finds nothing in any is worth a word.
    """
    return tuple(
        sorted((*_idle(compiled), *_unmet(compiled), *_refused(compiled)), key=lambda found: (found.origin, found.path))
    )


def _idle(compiled: Collection[Compiled]) -> Iterator[Diagnostic]:
    idle = {patch: each for each in compiled for patch in each.patching.idle}
    for each in compiled:
        for patch in set(each.patching.patches).difference(each.patching.idle):
            idle.pop(patch, None)
    for patch, where in idle.items():
        reason = f"matches nothing on the proxies that it selects: {explained(patch, where.snapshot)}"
        yield _finding(Severity.WARNING, patch, reason, "no-match")


def _unmet(compiled: Collection[Compiled]) -> Iterator[Diagnostic]:
    """That no proxy is what a patch asks for is no more visible than a wrong name."""
    met = {patch for each in compiled for patch in each.patching.patches}
    for patch in {patch: None for each in compiled for patch in each.patching.unmet if patch not in met}:
        asked = patch.proxy or ProxyCondition()
        version = [f"the version {asked.version}"] if asked.version else []
        metadata = [f"{name}={value}" for name, value in asked.metadata.items()]
        reason = f"no proxy that it selects has {', '.join([*version, *metadata])}, which is in the node's metadata"
        yield _finding(Severity.WARNING, patch, reason, "no-match")


def _refused(compiled: Collection[Compiled]) -> Iterator[Diagnostic]:
    by_patch: dict[ConfigPatch, dict[Refusal, None]] = {}
    for each in compiled:
        for refusal in each.patching.refused:
            by_patch.setdefault(refusal.patch, {})[refusal] = None
    for patch, refusals in by_patch.items():
        for refusal in islice(refusals, _MAX_REFUSALS):
            yield refusal_finding(refusal)
        if len(refusals) > _MAX_REFUSALS:
            more = len(refusals) - _MAX_REFUSALS
            yield _finding(Severity.ERROR, patch, f"is left out of {more} more for such reasons", "invalid-patch")


def refusal_finding(refusal: Refusal) -> Diagnostic:
    """That a patch would make something invalid."""
    reason = f"is left out of {refusal.what}, which would be invalid with it: {refusal.reason}"
    return _finding(Severity.ERROR, refusal.patch, reason, "invalid-patch")


def _finding(severity: Severity, patch: ConfigPatch, reason: str, code: str) -> Diagnostic:
    return Diagnostic(severity, patch.origin, reason, patch.object, format_path(patch.path), code)
