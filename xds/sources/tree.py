"""A folder tree of YAML and JSON files, looked at once: which files there are, what they say, what cannot be read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from xds.model.diagnostic import Diagnostic, Severity
from xds.model.objects import Origin

SUFFIXES = frozenset({".yaml", ".yml", ".json"})
MAX_FILE_BYTES = 10 * 1024 * 1024
"""No real configuration comes near it; a file that does was put there by mistake or in malice."""


def walk(root: Path, problems: list[Diagnostic]) -> Iterator[tuple[Path, bool]]:
    """Every candidate file below ``root``, and whether a link leads to it. Each real folder is entered once.

    Raises OSError if ``root`` itself cannot be read.
    """
    seen: set[tuple[int, int]] = set()
    pending = [(root, False)]
    while pending:
        folder, linked = pending.pop()
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as entries:
                listed = [entry for entry in entries if not entry.name.startswith(".")]
        except OSError as error:
            if folder == root:
                raise
            problems.append(problem(folder, error))
            continue
        for entry in listed:
            path = folder / entry.name
            if _is_dir(entry):
                pending.append((path, linked or entry.is_symlink()))
            elif path.suffix in SUFFIXES:
                yield path, linked or entry.is_symlink()


def _is_dir(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def read(path: Path, size: int) -> str:
    """The file's text. Raises OSError if it cannot be read, ValueError if it is too large or not UTF-8."""
    if size > MAX_FILE_BYTES:
        raise ValueError(f"is {size} bytes; at most {MAX_FILE_BYTES} are read")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 text: byte {error.start} cannot be decoded") from None


def is_covered(name: str, unreadable: set[str]) -> bool:
    """True if the file, or a folder it is in, cannot be read."""
    return name in unreadable or any(str(parent) in unreadable for parent in Path(name).parents)


def problem(path: Path, error: Exception) -> Diagnostic:
    """What is to be said of a file or a folder that cannot be read."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    text = f"cannot be read: {reason}" if isinstance(error, OSError) else reason
    kept = f"{text}; what was last read of it stays in force"
    return Diagnostic(Severity.ERROR, Origin(str(path), 1), kept, code="unreadable")


def emptied(root: Path) -> Diagnostic:
    """What is to be said of a folder from which every file has gone."""
    reason = (
        "has no YAML or JSON file any more, which is taken for a fault: all that was last read stays in force; "
        "to remove everything on purpose, leave one file, which may have a comment alone"
    )
    return Diagnostic(Severity.ERROR, Origin(str(root), 1), reason, code="emptied-folder")
