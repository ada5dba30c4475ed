"""What one file claims: which objects it declares, and how each of its documents reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from xds.config.document import RawObject
from xds.config.interpret import CLAIMED_KINDS, Reading, interpret
from xds.config.kinds.kind import Context
from xds.config.yaml import ParsedFile
from xds.model.objects import ObjectKey, Origin

Readings: TypeAlias = Mapping[RawObject, "Claim"]


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """A document's claim to be an object. reading: None if the document could not be read as an object at all."""

    key: ObjectKey
    origin: Origin
    reading: Reading | None

    @property
    def is_valid(self) -> bool:
        return self.reading is not None and self.reading.is_valid


@dataclass(frozen=True, slots=True, eq=False)
class LedgerFile:
    """A file, read.

    claims: the first claim to each object, in the order of the file. repeats: further claims to the same objects.
    retained: claims of an earlier version of the file to objects that the parts of it that cannot be read may still
    hold. reported: the claims with diagnostics.
    """

    parsed: ParsedFile
    readings: Readings = field(repr=False)
    claims: Mapping[ObjectKey, Claim]
    repeats: tuple[Claim, ...] = ()
    retained: Mapping[ObjectKey, Claim] = field(default_factory=dict)
    reported: tuple[Claim, ...] = ()

    def claim(self, key: ObjectKey) -> Claim | None:
        """What the file says about an object, or said last."""
        return self.claims.get(key) or self.retained.get(key)


def read_file(parsed: ParsedFile, context: Context, previous: LedgerFile | None, known: Readings) -> LedgerFile:
    """Read a file. ``known``: documents read before in the same context, which are not read again."""
    readings = {raw: known.get(raw) or _claim(raw, context) for raw in parsed.objects}
    made = [claim for claim in readings.values() if claim.reading is None or claim.reading.is_known]
    claims, repeats = _first_and_others([*made, *_claims_of_wrecks(parsed)])
    return LedgerFile(
        parsed=parsed,
        readings=readings,
        claims=claims,
        repeats=repeats,
        retained=_retained(previous, claims) if previous and _may_hide_objects(parsed) else {},
        reported=tuple(claim for claim in readings.values() if claim.reading and claim.reading.diagnostics),
    )


def _claim(raw: RawObject, context: Context) -> Claim:
    return Claim(raw.meta.key, raw.meta.origin, interpret(raw, context))


def _first_and_others(claims: list[Claim]) -> tuple[dict[ObjectKey, Claim], tuple[Claim, ...]]:
    """The first claim to each object, and the others. Position decides, not what could be read of a document."""
    first = {claim.key: claim for claim in claims}
    if len(first) == len(claims):
        return first, ()
    first = {}
    for claim in sorted(claims, key=_line):
        first.setdefault(claim.key, claim)
    return first, tuple(claim for claim in claims if first[claim.key] is not claim)


def _line(claim: Claim) -> int:
    return claim.origin.line


def _claims_of_wrecks(parsed: ParsedFile) -> Iterator[Claim]:
    """Of documents that were to be an object and are not; one may have several diagnostics."""
    seen: set[ObjectKey] = set()
    for diagnostic in parsed.diagnostics:
        key = diagnostic.object
        if key is not None and key.kind in CLAIMED_KINDS and key not in seen:
            seen.add(key)
            yield Claim(key, diagnostic.origin, None)


def _may_hide_objects(parsed: ParsedFile) -> bool:
    return parsed.unparsable > 0 or any(diagnostic.object is None for diagnostic in parsed.diagnostics)


def _retained(previous: LedgerFile, claims: Mapping[ObjectKey, Claim]) -> Mapping[ObjectKey, Claim]:
    former = {**previous.retained, **previous.claims}
    return {key: claim for key, claim in former.items() if key not in claims}
