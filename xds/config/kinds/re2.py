"""Whether a regular expression is one that Envoy's engine, RE2, accepts.

Python's ``re`` is another dialect: it knows look-around, back-references and possessive repetition, which RE2 rejects,
and does not know ``\\pL``, ``\\z``, ``[[:alpha:]]`` or flags in the middle, which RE2 has. So the syntax is read here,
as https://github.com/google/re2/wiki/Syntax defines it. Names of Unicode classes are not checked.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

MAX_LENGTH: Final = 1024
"""Istio's bound on a regular expression's length in characters."""

_MAX_REPEAT: Final = 1000
_TOKEN: Final = re.compile(
    r"""
      (?P<open>\((?:\?P?<[A-Za-z_]\w*>|\?[imsU]*(?:-[imsU]+)?:|(?!\?)))
    | (?P<flags>\(\?(?:[imsU]+(?:-[imsU]+)?|-[imsU]+)\))
    | (?P<extension>\(\?)
    | (?P<close>\))
    | (?P<or>\|)
    | (?P<repeat>(?:[*+?]|\{(?P<low>[0-9]+)(?:,(?P<high>[0-9]*))?\})\??)
    | (?P<quoted>\\Q.*?(?:\\E|\Z))
    | (?P<escape>\\(?:[AbBzC]|[dDsSwW]|[pP](?:[A-Z]|\{\^?\w+\})|0[0-7]{0,2}|[1-7][0-7]{1,2}|[afnrtv]
        |x[0-9A-Fa-f]{2}|x\{[0-9A-Fa-f]{1,6}\}|[!-/:-@[-`{-~]))
    | (?P<unescaped>\\.?)
    | (?P<class>\[)
    | (?P<literal>.)
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_CLASS_ITEM: Final = re.compile(
    r"""
      (?P<posix>\[:\^?(?:alnum|alpha|ascii|blank|cntrl|digit|graph|lower|print|punct|space|upper|word|xdigit):\])
    | (?P<named>\\(?:[dDsSwW]|[pP](?:[A-Z]|\{\^?\w+\})))
    | (?P<code>\\x(?:(?P<two>[0-9A-Fa-f]{2})|\{(?P<many>[0-9A-Fa-f]{1,6})\}))
    | (?P<octal>\\(?P<digits>0[0-7]{0,2}|[1-7][0-7]{1,2}))
    | (?P<control>\\[afnrtv])
    | (?P<escaped>\\[!-/:-@[-`{-~])
    | (?P<literal>[^\\])
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_CONTROLS: Final = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_EXTENSIONS: Final = {
    "(?=": "look-ahead",
    "(?!": "look-ahead",
    "(?<=": "look-behind",
    "(?<!": "look-behind",
    "(?P=": "a back-reference",
    "(?>": "an atomic group",
    "(?(": "a conditional group",
    "(?#": "a comment",
}


@lru_cache(maxsize=4096)
def check_re2(pattern: str) -> str | None:
    """Why RE2 would reject ``pattern``, in a user's words; None if it accepts it."""
    if not pattern:
        return "a regular expression must not be empty"
    if len(pattern) > MAX_LENGTH:
        return f"a regular expression must have at most {MAX_LENGTH} characters"
    try:
        _Syntax(pattern).check()
    except ValueError as error:
        return f"{error}, in {pattern if len(pattern) <= 60 else pattern[:57] + '...'}"
    return None


def parse_re2(pattern: str) -> str:
    """The pattern itself.

    :raises ValueError: RE2 would reject it.
    """
    reason = check_re2(pattern)
    if reason:
        raise ValueError(reason)
    return pattern


class _Syntax:
    """One pass over a pattern. depth: open groups. atom: something to repeat; repeated: it has been, already."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._depth = 0
        self._atom = False
        self._repeated = False

    def check(self) -> None:
        position = 0
        while position < len(self._pattern):
            token = _TOKEN.match(self._pattern, position)
            if token is None:
                raise ValueError("not a regular expression")
            position = token.end()
            kind = token.lastgroup or ""
            if kind == "repeat":
                self._repeat(token)
                continue
            self._repeated = False
            if kind == "class":
                position = _end_of_class(self._pattern, position)
            self._other(kind, token)
        if self._depth:
            raise ValueError("a '(' is not closed")

    def _other(self, kind: str, token: re.Match[str]) -> None:
        if kind == "extension":
            raise ValueError(_unsupported(self._pattern[token.start() :]))
        if kind == "unescaped":
            raise ValueError(_bad_escape(token.group()))
        if kind in ("open", "or"):
            self._depth += kind == "open"
            self._atom = False
        elif kind != "flags":
            self._depth -= kind == "close"
            self._atom = True
        if self._depth < 0:
            raise ValueError("a ')' has no '('")

    def _repeat(self, token: re.Match[str]) -> None:
        if not self._atom:
            raise ValueError(f"nothing to repeat before {token.group()}")
        if self._repeated:
            raise ValueError(f"a repetition cannot be repeated: RE2 has no {token.group()} here")
        low, high = int(token["low"] or 0), int(token["high"] or token["low"] or 0)
        if max(low, high) > _MAX_REPEAT or low > high:
            raise ValueError(f"{token.group()} must repeat in order, and at most {_MAX_REPEAT} times")
        self._repeated = True


def _unsupported(rest: str) -> str:
    for start in sorted(_EXTENSIONS, key=len, reverse=True):
        if rest.startswith(start):
            return f"RE2 has no {start} ({_EXTENSIONS[start]})"
    return f"RE2 has no group {rest[:4]}"


def _bad_escape(text: str) -> str:
    if text[1:].isdigit():
        return f"RE2 has no {text} (a back-reference)"
    return f"RE2 has no escape {text}" if len(text) > 1 else "a '\\' ends the expression"


def _end_of_class(pattern: str, position: int) -> int:
    """The position behind a character class whose first ``[`` ends at ``position``."""
    position += pattern.startswith("^", position)
    first, low, is_range = True, -1, False
    while first or not pattern.startswith("]", position):
        item = _CLASS_ITEM.match(pattern, position)
        if item is None:
            raise ValueError(_bad_escape(pattern[position : position + 2]) if position < len(pattern) else _UNCLOSED)
        code = _code_point(item)
        if is_range and not 0 <= low <= code:
            raise ValueError(f"the range that ends with {item.group()} is not in order")
        position = item.end()
        low = -1 if is_range else code
        is_range = not is_range and _is_range_dash(pattern, position)
        position += is_range
        first = False
    return position + 1


_UNCLOSED: Final = "a '[' is not closed"


def _is_range_dash(pattern: str, position: int) -> bool:
    return pattern.startswith("-", position) and not pattern.startswith("-]", position)


def _code_point(item: re.Match[str]) -> int:
    """The character that an item of a class stands for; -1 if it stands for several."""
    if item["literal"]:
        return ord(item["literal"])
    if item["code"]:
        return int(item["two"] or item["many"], 16)
    if item["octal"]:
        return int(item["digits"], 8)
    if item["control"]:
        return _CONTROLS[item["control"][1]]
    return ord(item["escaped"][1]) if item["escaped"] else -1
