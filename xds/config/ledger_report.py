"""What there is to say about one file: what its documents reported, and how their claims stand."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from xds.config.ledger_file import Claim, LedgerFile
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.objects import ObjectKey


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """How claims stand. winner: of an object. in_force: objects in force. contested: objects that many files claim."""

    winner: Callable[[ObjectKey], Claim]
    in_force: Container[ObjectKey]
    contested: AbstractSet[ObjectKey]


def report(file: LedgerFile, standing: Standing) -> tuple[Diagnostic, ...]:
    """All diagnostics of a file, by line."""
    found = [*_of_text(file, standing), *_of_readings(file, standing), *_of_losers(file, standing)]
    return tuple(sorted(found, key=_line))


def _line(diagnostic: Diagnostic) -> int:
    return diagnostic.origin.line


def _of_text(file: LedgerFile, standing: Standing) -> Iterator[Diagnostic]:
    told: set[ObjectKey | None] = set()
    for diagnostic in file.parsed.diagnostics:
        key = diagnostic.object
        claim = file.claims.get(key) if key else None
        if key in told:
            yield diagnostic
        elif claim is not None:
            yield _with_outcome(diagnostic, claim, standing)
        elif key is None:
            yield _with_retained(diagnostic, len(file.retained))
        else:
            yield diagnostic
        told.add(key)


def _of_readings(file: LedgerFile, standing: Standing) -> Iterator[Diagnostic]:
    for claim in file.reported:
        told = claim.is_valid
        for diagnostic in sorted(claim.reading.diagnostics if claim.reading else (), key=_line):
            if told or diagnostic.severity is not Severity.ERROR:
                yield diagnostic
            else:
                told = True
                yield _with_outcome(diagnostic, claim, standing)


def _with_outcome(diagnostic: Diagnostic, claim: Claim, standing: Standing) -> Diagnostic:
    """The first error of an object says what that means for the object. For one that has lost, it means nothing."""
    if standing.winner(claim.key) is not claim:
        return diagnostic
    outcome = (
        "the last good version stays in force"
        if claim.key in standing.in_force
        else "there is no earlier good version, so the object is not in force"
    )
    return replace(diagnostic, reason=f"{diagnostic.reason}; {outcome}")


def _with_retained(diagnostic: Diagnostic, count: int) -> Diagnostic:
    if not count:
        return diagnostic
    objects = "the object" if count == 1 else f"each of the {count} objects"
    outcome = f"{objects} that this file declared before and does not now stays in force"
    return replace(diagnostic, reason=f"{diagnostic.reason}; {outcome}")


def _of_losers(file: LedgerFile, standing: Standing) -> Iterator[Diagnostic]:
    contested = [file.claims[key] for key in standing.contested if key in file.claims]
    for claim in (*file.repeats, *contested):
        winner = standing.winner(claim.key)
        if winner is not claim:
            reason = f"is declared at {winner.origin} already, which takes precedence; this one has no effect"
            yield Diagnostic(Severity.ERROR, claim.origin, reason, claim.key, code="duplicate-object")
