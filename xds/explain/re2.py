r"""RE2's regular expressions, run by Python's engine.

The patterns are such as Envoy has accepted, so nothing is checked here: each is written anew with the same meaning.
The dialects differ in what ``$``, ``\s``, ``\d``, ``\w`` and ``\b`` mean, and in what Python does not know: ``\z``,
``\C``, ``\pL``, ``\Q..\E``, ``[[:alpha:]]``, ``(?U)``, and flags that begin in the middle.

Source: https://github.com/google/re2/wiki/Syntax.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from typing import Final

from xds.explain.errors import UnsupportedError

_TOKEN: Final = re.compile(
    r"""
      (?P<named>\(\?P?<(?P<name>[A-Za-z_]\w*)>)
    | (?P<flags>\(\?(?P<on>[imsU]*)(?:-(?P<off>[imsU]+))?(?P<end>[:)]))
    | (?P<open>\()
    | (?P<close>\))
    | (?P<or>\|)
    | (?P<repeat>(?P<times>[*+?]|\{[0-9]+(?:,[0-9]*)?\})(?P<lazy>\??))
    | (?P<quoted>\\Q(?P<text>.*?)(?:\\E|\Z))
    | (?P<escape>\\(?:[pP](?:[A-Z]|\{\^?\w+\})|x\{[0-9A-Fa-f]+\}|x[0-9A-Fa-f]{2}|0[0-7]{0,2}|[1-7][0-7]{1,2}|.))
    | (?P<class>\[(?P<negated>\^?))
    | (?P<literal>.)
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_ITEM: Final = re.compile(
    r"""
      (?P<posix>\[:(?P<not>\^?)(?P<posix_name>[a-z]+):\])
    | (?P<escape>\\(?:[pP](?:[A-Z]|\{\^?\w+\})|x\{[0-9A-Fa-f]+\}|x[0-9A-Fa-f]{2}|0[0-7]{0,2}|[1-7][0-7]{1,2}|.))
    | (?P<literal>.)
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_CONTROLS: Final = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}

_Ranges = tuple[tuple[int, int], ...]
"""Characters, as pairs of the first and the last code point."""

_LAST: Final = sys.maxunicode
_DIGIT: Final[_Ranges] = ((48, 57),)
_UPPER: Final[_Ranges] = ((65, 90),)
_LOWER: Final[_Ranges] = ((97, 122),)
_WORD: Final[_Ranges] = (*_DIGIT, *_UPPER, (95, 95), *_LOWER)
_PERL: Final[Mapping[str, _Ranges]] = {"d": _DIGIT, "s": ((9, 10), (12, 13), (32, 32)), "w": _WORD}
_POSIX: Final[Mapping[str, _Ranges]] = {
    "alnum": (*_DIGIT, *_UPPER, *_LOWER),
    "alpha": (*_UPPER, *_LOWER),
    "ascii": ((0, 127),),
    "blank": ((9, 9), (32, 32)),
    "cntrl": ((0, 31), (127, 127)),
    "digit": _DIGIT,
    "graph": ((33, 126),),
    "lower": _LOWER,
    "print": ((32, 126),),
    "punct": ((33, 47), (58, 64), (91, 96), (123, 126)),
    "space": ((9, 13), (32, 32)),
    "upper": _UPPER,
    "word": _WORD,
    "xdigit": (*_DIGIT, (65, 70), (97, 102)),
}


def full_match(pattern: str, text: str) -> bool:
    """Whether the pattern matches the whole text, as Envoy's ``safe_regex`` does. Raises UnsupportedError."""
    return _compiled(pattern).fullmatch(text) is not None


def replace_all(pattern: str, substitution: str, text: str) -> str:
    r"""The text with every match replaced, as Envoy's ``regex_rewrite`` does. Raises UnsupportedError.

    substitution: ``\1`` stands for the first group; if it names one that there is not, nothing is replaced. As in RE2,
    there is no empty match right after a match.
    """
    regex = _compiled(pattern)
    if any(int(group) > regex.groups for group in re.findall(r"\\([0-9])", substitution.replace(r"\\", ""))):
        return text
    done: list[str] = []
    position, last_end = 0, -1
    while position <= len(text) and (found := regex.search(text, position)):
        done.append(text[position : found.start()])
        if found.start() == found.end() == last_end:
            done.append(text[last_end : last_end + 1])
            position = last_end + 1
            last_end = -1
            continue
        done.append(_expanded(substitution, found))
        position = last_end = found.end()
    return "".join((*done, text[position:]))


def _expanded(substitution: str, found: re.Match[str]) -> str:
    def part(escape: re.Match[str]) -> str:
        return "\\" if escape[1] == "\\" else found.group(int(escape[1])) or ""

    return re.sub(r"\\([\\0-9])", part, substitution)


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern))


@dataclass(frozen=True, slots=True)
class _Flags:
    """What is in force at one place of a pattern, under RE2's names."""

    i: bool = False
    m: bool = False
    s: bool = False
    U: bool = False

    def changed(self, on: str, off: str) -> _Flags:
        return replace(self, **dict.fromkeys(on, True), **dict.fromkeys(off, False))


def translate(pattern: str) -> str:
    """The same in Python's dialect. Raises UnsupportedError for what it has no words for."""
    return _Translation(pattern).run()


class _Translation:
    """One pass over a pattern. groups: for each open group the flags to return to, and whether a wrapper is open.

    Case is ignored by a wrapper ``(?i:...)`` around what follows, which is closed and opened anew at every ``|``.
    """

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._flags = _Flags()
        self._wrapped = False
        self._groups: list[tuple[_Flags, bool]] = []
        self._out: list[str] = []

    def run(self) -> str:
        handlers: dict[str, Callable[[re.Match[str]], None]] = {
            "named": lambda token: self._open(f"(?P<{token['name']}>"),
            "open": lambda _: self._open("("),
            "flags": self._set_flags,
            "close": lambda _: self._close(),
            "or": lambda _: self._either(),
            "repeat": self._repeat,
            "quoted": lambda token: self._out.append(re.escape(token["text"])),
            "escape": lambda token: self._out.append(self._escape(token["escape"])),
            "literal": lambda token: self._out.append(self._literal(token["literal"])),
        }
        position = 0
        while token := _TOKEN.match(self._pattern, position):
            position = token.end()
            kind = _kind(token)
            if kind == "class":
                text, position = _class(self._pattern, position, negated=bool(token["negated"]))
                self._out.append(text)
            else:
                handlers[kind](token)
        self._unwrap()
        return "".join(self._out)

    def _open(self, text: str) -> None:
        self._groups.append((self._flags, self._wrapped))
        self._wrapped = False
        self._out.append(text)

    def _close(self) -> None:
        self._unwrap()
        self._flags, self._wrapped = self._groups.pop()
        self._out.append(")")

    def _set_flags(self, token: re.Match[str]) -> None:
        if token["end"] == ":":
            self._open("(?:")
        flags = self._flags.changed(token["on"] or "", token["off"] or "")
        if flags.i is not self._flags.i:
            self._unwrap()
            self._flags = flags
            self._wrap()
        self._flags = flags

    def _either(self) -> None:
        wrapped = self._wrapped
        self._unwrap()
        self._out.append("|")
        if wrapped:
            self._wrap()

    def _wrap(self) -> None:
        self._out.append("(?i:" if self._flags.i else "(?-i:")
        self._wrapped = True

    def _unwrap(self) -> None:
        if self._wrapped:
            self._out.append(")")
            self._wrapped = False

    def _repeat(self, token: re.Match[str]) -> None:
        lazy = bool(token["lazy"]) is not self._flags.U
        self._out.append(token["times"] + ("?" if lazy else ""))

    def _literal(self, text: str) -> str:
        if text == ".":
            return "(?s:.)" if self._flags.s else "[^\\n]"
        if text in "^$" and self._flags.m:
            return f"(?m:{text})"
        return {"^": "\\A", "$": "\\Z"}.get(text) or re.escape(text)

    def _escape(self, text: str) -> str:
        if text in (r"\A", r"\z", r"\b", r"\B", r"\C"):
            return {r"\A": r"\A", r"\z": r"\Z", r"\b": r"(?a:\b)", r"\B": r"(?a:\B)", r"\C": "(?s:.)"}[text]
        return _set(_ranges(text))


def _kind(token: re.Match[str]) -> str:
    kinds = ("named", "flags", "open", "close", "or", "repeat", "quoted", "escape", "class", "literal")
    return next(kind for kind in kinds if token[kind] is not None)


def _class(pattern: str, position: int, *, negated: bool) -> tuple[str, int]:
    """A character class whose opening ends at ``position``, and the position behind it."""
    ranges: list[tuple[int, int]] = []
    first = True
    while first or not pattern.startswith("]", position):
        first = False
        low, position = _item(pattern, position)
        if pattern.startswith("-", position) and not pattern.startswith("-]", position) and _is_one(low):
            high, position = _item(pattern, position + 1)
            low = ((low[0][0], high[-1][1]),)
        ranges.extend(low)
    return _set(tuple(ranges), negated=negated), position + 1


def _item(pattern: str, position: int) -> tuple[_Ranges, int]:
    item = _ITEM.match(pattern, position)
    if item is None:
        raise UnsupportedError(f"the regular expression {pattern!r}")
    if item["posix"]:
        ranges = _POSIX[item["posix_name"]]
        return (_complement(ranges) if item["not"] else ranges), item.end()
    text = item["escape"] or ""
    return (_ranges(text) if text else ((ord(item["literal"]),) * 2,)), item.end()


def _is_one(ranges: _Ranges) -> bool:
    return len(ranges) == 1 and ranges[0][0] == ranges[0][1]


def _ranges(escape: str) -> _Ranges:
    r"""What ``\d``, ``\pL``, ``\x41``, ``\n`` or ``\.`` stands for."""
    letter, rest = escape[1], escape[2:]
    if letter.lower() in _PERL:
        ranges = _PERL[letter.lower()]
        return _complement(ranges) if letter.isupper() else ranges
    if letter in "pP":
        name = rest.strip("{}")
        ranges = _category(name.removeprefix("^"))
        return _complement(ranges) if (letter == "P") is not name.startswith("^") else ranges
    return ((_code_point(letter, rest),) * 2,)


def _code_point(letter: str, rest: str) -> int:
    if letter == "x" and rest:
        return int(rest.strip("{}"), 16)
    if letter.isdigit():
        return int(letter + rest, 8)
    return _CONTROLS.get(letter, ord(letter))


@lru_cache(maxsize=64)
def _category(name: str) -> _Ranges:
    """The characters of a Unicode category such as L or Lu."""
    if len(name) > 2:
        raise UnsupportedError(f"the Unicode class {name} in a regular expression")
    return tuple(_runs(code for code in range(_LAST + 1) if unicodedata.category(chr(code)).startswith(name)))


def _runs(codes: Iterator[int]) -> Iterator[tuple[int, int]]:
    for _, run in groupby(enumerate(codes), lambda item: item[1] - item[0]):
        members = [code for _, code in run]
        yield members[0], members[-1]


def _complement(ranges: _Ranges | list[tuple[int, int]]) -> _Ranges:
    start = 0
    gaps: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if low > start:
            gaps.append((start, low - 1))
        start = max(start, high + 1)
    return (*gaps, (start, _LAST)) if start <= _LAST else tuple(gaps)


def _set(ranges: _Ranges, *, negated: bool = False) -> str:
    r"""Python's class of these characters, or of all others. Every one is written as a number, so that none has another
    meaning."""
    if not ranges:
        return "(?s:.)" if negated else "(?!)"
    return ("[^" if negated else "[") + "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in ranges) + "]"
