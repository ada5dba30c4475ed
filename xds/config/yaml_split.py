"""A YAML stream's text cut into documents before anything is parsed, so that a broken one harms no other.

``---`` and ``...`` at the start of a line end a document wherever they stand, even inside a block or quoted scalar
(YAML 1.2, c-forbidden), which makes the cut exact without parsing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_MARKER = re.compile(r"^(?:---|\.\.\.)(?=\s|\Z)[^\n]*\n?", re.MULTILINE)
_SURROGATES = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")


class Chunk(NamedTuple):
    """One document's text and the line of the file, from 1, on which it starts."""

    line: int
    text: str


def normalise(text: str) -> str:
    """The text without a byte order mark and with ``\\n`` as its only line break."""
    text = text.removeprefix("\ufeff")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def split(text: str) -> Iterator[Chunk]:
    """The documents of a normalised text, without those that hold nothing but comments."""
    start, line = 0, 1
    for marker in _MARKER.finditer(text):
        ends = marker.group().startswith("...")
        if not ends and _is_directives(text[start : marker.start()]):
            continue
        cut = marker.end() if ends else marker.start()
        chunk = text[start:cut]
        yield from _content(line, chunk)
        line += chunk.count("\n")
        start = cut
    yield from _content(line, text[start:])


def _content(line: int, chunk: str) -> Iterator[Chunk]:
    if not _is_blank(chunk):
        yield Chunk(line, _yaml_escapes(chunk))


def _is_blank(chunk: str) -> bool:
    first = chunk.lstrip()[:1]
    return not first or (first == "#" and all(row.lstrip()[:1] in ("", "#") for row in chunk.split("\n")))


def _is_directives(chunk: str) -> bool:
    if "%" not in chunk:
        return False
    rows = [row for row in chunk.split("\n") if row.strip() and not row.startswith("#")]
    return bool(rows) and all(row.startswith("%") for row in rows)


def _yaml_escapes(chunk: str) -> str:
    """JSON writes characters beyond U+FFFF as two escapes, YAML as one."""
    if "\\u" not in chunk or chunk.lstrip()[:1] not in ("{", "["):
        return chunk
    return _SURROGATES.sub(_join_surrogates, chunk)


def _join_surrogates(found: re.Match[str]) -> str:
    high, low = int(found[2], 16), int(found[3], 16)
    return f"{found[1]}\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08X}"
