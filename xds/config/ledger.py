"""Which objects are in force: every file's claims, who wins, and the last good version of what is wrong now.

The rules:

- Of several claims to one object the first wins, by path and then by position; the others are errors.
- While the winning claim is wrong, the object stays as it was last in force, if it was.
- While part of a file cannot be read, what the file declared before and does not declare otherwise stays claimed.
- What no file claims is gone.

Pure: a `Ledger` is immutable, and `Ledger.update` gives the next one, at the cost of what changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain

from xds.config.drafts import Draft, ShardedDraft
from xds.config.kinds.kind import Context
from xds.config.ledger_file import Claim, LedgerFile, read_file
from xds.config.ledger_report import Standing, report
from xds.config.objects import Objects
from xds.config.yaml import ParsedFile
from xds.model.diagnostic import Diagnostic
from xds.model.objects import ObjectKey


@dataclass(frozen=True, slots=True, eq=False)
class Ledger:
    """All claims, and the objects in force.

    holders: the files that claim an object, ordered by path; contested: the objects that several files claim.
    changed: the objects that the update leading here added, replaced or removed. reports: by file, its diagnostics if
    there are any; diagnostics: all of them, ordered by file and line.
    """

    context: Context = field(default_factory=Context)
    files: Mapping[str, LedgerFile] = field(default_factory=dict)
    holders: Mapping[ObjectKey, tuple[str, ...]] = field(default_factory=dict)
    contested: frozenset[ObjectKey] = frozenset()
    objects: Objects = field(default_factory=dict)
    changed: frozenset[ObjectKey] = frozenset()
    reports: Mapping[str, tuple[Diagnostic, ...]] = field(default_factory=dict)
    diagnostics: tuple[Diagnostic, ...] = ()

    def update(self, changes: Mapping[str, ParsedFile | None]) -> Ledger:
        """The ledger after files changed; None stands for a file that is gone."""
        return _Update(self, self.context, {path: self._read(path, parsed) for path, parsed in changes.items()}).run()

    def in_context(self, context: Context) -> Ledger:
        """The ledger of the same files in another context, in which all are read again."""
        read = {path: read_file(file.parsed, context, file, {}) for path, file in self.files.items()}
        return _Update(self, context, read).run()

    def _read(self, path: str, parsed: ParsedFile | None) -> LedgerFile | None:
        previous = self.files.get(path)
        if parsed is None or (previous is not None and previous.parsed is parsed):
            return previous if parsed else None
        return read_file(parsed, self.context, previous, previous.readings if previous else {})


class _Update:
    """One step from a ledger to the next."""

    def __init__(self, before: Ledger, context: Context, read: Mapping[str, LedgerFile | None]) -> None:
        self._before = before
        self._context = context
        self._read = read
        self._holders = ShardedDraft(before.holders)
        self._objects = ShardedDraft(before.objects)
        files = ShardedDraft(before.files)
        for path, file in read.items():
            files.set(path, file)
        self._files = files.done()

    def run(self) -> Ledger:
        touched = {key for path, file in self._read.items() for key in self._enter(path, file)}
        changed = frozenset(key for key in touched if self._decide(key))
        contested = (self._before.contested - touched) | {key for key in touched if self._is_contested(key)}
        reports = self._reports(touched, contested)
        return Ledger(
            context=self._context,
            files=self._files,
            holders=self._holders.done(),
            contested=contested,
            objects=self._objects.done(),
            changed=changed,
            reports=reports,
            diagnostics=self._diagnostics(reports),
        )

    def _enter(self, path: str, file: LedgerFile | None) -> list[ObjectKey]:
        """Enter the claims of a file in place of its former ones; the objects whose claim is another now."""
        old, new = _all_claims(self._before.files.get(path)), _all_claims(file)
        replaced = [key for key, claim in new.items() if old.get(key) is not claim]
        added = [key for key in replaced if key not in old]
        is_complete = len(new) - len(added) == len(old)
        gone = [] if is_complete else [key for key in old if key not in new]
        for key in gone:
            self._holders.set(key, tuple(holder for holder in self._holders.get(key) or () if holder != path) or None)
        for key in added:
            self._holders.set(key, tuple(sorted((*(self._holders.get(key) or ()), path))))
        return gone + replaced

    def _decide(self, key: ObjectKey) -> bool:
        """Put in force what the winning claim says, unless it is wrong; True if that changes anything."""
        before = self._objects.get(key)
        if not self._holders.get(key):
            self._objects.set(key, None)
        elif (reading := self._winner(key).reading) is not None and reading.is_valid:
            self._objects.set(key, reading.object)
        return self._objects.get(key) is not before

    def _winner(self, key: ObjectKey) -> Claim:
        claim = self._files[(self._holders.get(key) or ("",))[0]].claim(key)
        if claim is None:
            raise AssertionError(f"a file that holds {key} does not claim it")
        return claim

    def _is_contested(self, key: ObjectKey) -> bool:
        return len(self._holders.get(key) or ()) > 1

    def _reports(
        self, touched: set[ObjectKey], contested: frozenset[ObjectKey]
    ) -> Mapping[str, tuple[Diagnostic, ...]]:
        """Claims of other files may have won or lost by what happened to these.

        A file of which the same is to be said as before keeps its report: with many findings, listing all anew costs
        more than most changes.
        """
        concerned = set(self._read)
        for key in touched & (contested | self._before.contested):
            concerned.update(self._holders.get(key) or ())
        standing = Standing(self._winner, self._objects.done(), contested)
        reports = Draft(self._before.reports)
        for path in concerned:
            file = self._files.get(path)
            now = (report(file, standing) or None) if file else None
            before = self._before.reports.get(path)
            reports.set(path, before if now == before else now)
        return reports.done()

    def _diagnostics(self, reports: Mapping[str, tuple[Diagnostic, ...]]) -> tuple[Diagnostic, ...]:
        if reports is self._before.reports:
            return self._before.diagnostics
        return tuple(chain.from_iterable(reports[path] for path in sorted(reports)))


def _all_claims(file: LedgerFile | None) -> Mapping[ObjectKey, Claim]:
    if file is None:
        return {}
    return {**file.retained, **file.claims} if file.retained else file.claims
