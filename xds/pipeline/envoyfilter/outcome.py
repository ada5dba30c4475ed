"""What patches did, and why some could not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from xds.model.envoy_filters import ConfigPatch
from xds.model.objects import ObjectKey
from xds.pipeline.contribution import Resources
from xds.resources import PatchedBy, Source


class Refusal(NamedTuple):
    """That a patch is left out of something. what: such as ``Listener virtualInbound``."""

    patch: ConfigPatch
    what: str
    reason: str


@dataclass(slots=True)
class Trail:
    """What patches do to one thing, while they do it. marks: of these, what there is to tell about it."""

    applied: dict[ConfigPatch, None] = field(default_factory=dict)
    marks: list[PatchedBy] = field(default_factory=list)

    def note(self, patch: ConfigPatch, what: str = "") -> None:
        """The patch has changed something. what: its name, if it has one."""
        self.applied[patch] = None
        self.marks.append(PatchedBy(what or patch.name, Source(patch.object, patch.path)))

    @property
    def objects(self) -> tuple[ObjectKey, ...]:
        """The EnvoyFilters, each once."""
        return tuple(dict.fromkeys(patch.object for patch in self.applied))


class InvalidResultError(Exception):
    """What patches make of something is nothing that Envoy could accept. The text says why.

    involved: those that changed it; empty if that is not known.
    """

    def __init__(self, reason: str, trail: Trail | None = None) -> None:
        super().__init__(reason)
        self.involved = tuple(trail.applied) if trail is not None else ()


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """resources: after the patches, the same object if none changed any. applied: the patches that did something."""

    resources: Resources
    applied: tuple[ConfigPatch, ...] = ()
    refused: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True)
class PatchReport:
    """What came of all patches for a view. patches: all of them, in their order; applied: those that found something to
    change; refused: what some could not change, each once. unmet: those that are for proxies of another sort."""

    patches: tuple[ConfigPatch, ...] = ()
    applied: frozenset[ConfigPatch] = frozenset()
    refused: tuple[Refusal, ...] = ()
    unmet: tuple[ConfigPatch, ...] = ()

    @property
    def idle(self) -> tuple[ConfigPatch, ...]:
        """Those that found nothing."""
        tried = self.applied | {refusal.patch for refusal in self.refused}
        return tuple(patch for patch in self.patches if patch not in tried)


NOTHING_PATCHED = PatchReport()


class Tally:
    """Adds up what was done while a snapshot is assembled."""

    def __init__(self) -> None:
        self._applied: set[ConfigPatch] = set()
        self._refused: dict[Refusal, None] = {}

    def add(self, applied: Iterable[ConfigPatch], refused: Iterable[Refusal] = ()) -> None:
        """Some more."""
        self._applied.update(applied)
        self._refused.update(dict.fromkeys(refused))

    def report(self, patches: tuple[ConfigPatch, ...], unmet: tuple[ConfigPatch, ...]) -> PatchReport:
        """All of it. patches: all that there are; unmet: as in the report."""
        return PatchReport(patches, frozenset(self._applied), tuple(self._refused), unmet)
