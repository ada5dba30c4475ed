"""A folder tree of YAML and JSON files, watched.

The folder is the truth: whatever wakes us, the whole tree is looked at again and compared by content, so a missed or
misleading event costs nothing but time. That makes ConfigMap-style updates work, where every file is a link into a
folder that is itself swapped by one rename, and so do editors that write to a temporary file and rename it.

Most programs do not: they empty a file, then fill it, or remove it, then make it anew. So what has become less is
believed only when it looks the same a moment later; otherwise copying a file would take its objects out of the mesh.
A folder from which every file has gone is never believed: it is one that was not mounted, or a script's mistake.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import watchfiles

from xds.model.diagnostic import Diagnostic
from xds.sources.batch import Batch
from xds.sources.tree import emptied, is_covered, problem, read, walk

_QUIET_MS = 20
_SETTLE_SECONDS = 0.1
_SETTLE_ROUNDS = 5
_RESCAN_MS = 5000
_RESCAN_LINKS_MS = 500
"""Notifications do not follow links, so a tree with links in it is looked at more often."""


class _Stamp(NamedTuple):
    """What tells, without reading it, that a file is not the one that was read."""

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int


@dataclass(slots=True)
class FileSource:
    """Reads a folder tree and reports how it changes.

    root: the folder. Hidden entries, and whatever does not end in .yaml, .yml or .json, are passed over. only: one file
    in it, whatever its name, instead of all. Raises NotADirectoryError on creation if ``root`` is not a folder; one
    that vanishes later, or loses all of its files, is a problem in the batch, and what was read from it stays in force.
    """

    root: Path
    only: Path | None = None
    _stamps: dict[str, _Stamp] = field(default_factory=dict)
    _unsettled: dict[str, _Stamp | None] = field(default_factory=dict)
    _links: bool = False
    _emptied: bool = False
    _scanning: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        if not self.root.is_dir():
            raise NotADirectoryError(f"{self.root} is not a folder")

    def scan(self) -> Batch:
        """What changed since the last scan; everything, the first time.

        A file that shrank or went away is reported by the second scan in a row that finds it so.
        """
        found: dict[str, _Stamp] = {}
        changed: dict[str, str | None] = {}
        problems: list[Diagnostic] = []
        try:
            entries = sorted(walk(self.root, problems)) if self.only is None else [(self.only, self.only.is_symlink())]
        except OSError as error:
            return Batch(problems=(problem(self.root, error),))
        self._links = self.root.is_symlink() or any(linked for _, linked in entries)
        if self._lost_all(bool(entries), problems):
            return Batch(problems=tuple(problems))
        for path, _ in entries:
            self._visit(path, found, changed, problems)
        self._miss(found, changed, {each.origin.file for each in problems})
        self._stamps = found
        return Batch(changed, tuple(problems))

    def _lost_all(self, any_there: bool, problems: list[Diagnostic]) -> bool:
        """Whether every file has gone, and none because its folder cannot be read. A problem at the second look."""
        unreadable = {each.origin.file for each in problems}
        lost = not any_there and any(not is_covered(name, unreadable) for name in self._stamps)
        if not lost:
            self._emptied = False
            self._unsettled.pop(str(self.root), None)
            return False
        self._emptied = self._emptied or self._is_settled(str(self.root), None)
        if self._emptied:
            problems.append(emptied(self.root))
        return True

    def _miss(self, found: dict[str, _Stamp], changed: dict[str, str | None], unreadable: set[str]) -> None:
        """Looks after the files that were there and are not."""
        for name in self._stamps.keys() - found.keys():
            if is_covered(name, unreadable) or not self._is_settled(name, None):
                found[name] = self._stamps[name]  # what was read of it stays in force
            else:
                changed[name] = None

    def _visit(
        self, path: Path, found: dict[str, _Stamp], changed: dict[str, str | None], problems: list[Diagnostic]
    ) -> None:
        name = str(path)
        try:
            status = path.stat()
            stamp = _Stamp(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            before = self._stamps.get(name)
            if before is not None and stamp.size < before.size and not self._is_settled(name, stamp):
                found[name] = before
                return
            if before != stamp:
                changed[name] = read(path, status.st_size)
            self._unsettled.pop(name, None)
            found[name] = stamp
        except FileNotFoundError:
            return  # removed since it was listed
        except (OSError, ValueError) as error:
            problems.append(problem(path, error))

    def _is_settled(self, name: str, stamp: _Stamp | None) -> bool:
        """True if the last scan found the file like this too. stamp: None if it is not there."""
        if name in self._unsettled and self._unsettled[name] == stamp:
            del self._unsettled[name]
            return True
        self._unsettled[name] = stamp
        return False

    async def changes(self) -> AsyncGenerator[Batch, None]:
        """Batches as they happen, from a first full one until the caller stops. Nothing is yielded for no change."""
        known: tuple[Diagnostic, ...] | None = None
        async for _ in self._wakeups():
            batch = await self.settled_scan()
            if batch.changed or batch.problems != known:
                known = batch.problems
                yield batch

    async def settled_scan(self) -> Batch:
        """What changed, together with what changes while the first of it settles: files copied as one, seen as one.

        A file that never settles holds the others up for half a second at most. One at a time: a batch that another
        overtook would put back what the other has replaced.
        """
        async with self._scanning:
            batch = self.scan()
            for _ in range(_SETTLE_ROUNDS):
                if not self._unsettled:
                    break
                await asyncio.sleep(_SETTLE_SECONDS)
                batch = batch.then(self.scan())
            return batch

    async def _wakeups(self) -> AsyncGenerator[None, None]:
        """At once, then whenever something may have changed, and every so often for what notifications miss."""
        while True:
            yield None  # for what has changed while nothing was watched
            rescan = _RESCAN_LINKS_MS if self._links else _RESCAN_MS
            try:
                watched = _inode(self.root)
                watch = watchfiles.awatch(
                    self.root,
                    watch_filter=None,
                    recursive=self.only is None,
                    debounce=5 * _QUIET_MS,
                    step=_QUIET_MS,
                    rust_timeout=rescan,
                    yield_on_timeout=True,
                    ignore_permission_denied=True,
                )
                async for _ in watch:
                    yield None
                    if rescan != (_RESCAN_LINKS_MS if self._links else _RESCAN_MS):
                        break
                    if _inode(self.root) != watched:
                        break  # another folder has taken its place, of which nothing would be heard
            except OSError:
                await asyncio.sleep(_RESCAN_LINKS_MS / 1000)  # the folder is gone, or what it is on; it may come back


def _inode(folder: Path) -> tuple[int, int]:
    """Raises OSError."""
    status = folder.stat()
    return status.st_dev, status.st_ino


def read_file(path: Path) -> Batch:
    """One file, whatever its name ends in, as a batch of its own."""
    try:
        return Batch({str(path): read(path, path.stat().st_size)})
    except (OSError, ValueError) as error:
        return Batch(problems=(problem(path, error),))
