"""What a YAML parser's complaints mean to the person who wrote the file."""

from __future__ import annotations

import re

from yaml import MarkedYAMLError, YAMLError

_REASONS = {
    "mapping values are not allowed in this context": "unexpected ':': check the indentation, or quote the value",
    "did not find expected ',' or ']'": "a list opened with '[' is not closed, or a ',' is missing",
    "did not find expected ',' or '}'": "a mapping opened with '{' is not closed, or a ',' is missing",
    "did not find expected '-' indicator": "expected a list item that starts with '-': check the indentation",
    "did not find expected key": "expected a field here: check the indentation",
    "could not find expected ':'": "expected ':' after a field's name",
    "block sequence entries are not allowed in this context": "a list item that starts with '-' cannot stand here",
    "found unexpected end of stream": "a quoted string is not closed",
    "found unexpected document indicator": "a quoted string is not closed before the next document",
    "found unknown escape character": "unknown escape after '\\' in a double-quoted string",
    "found invalid Unicode character escape code": "invalid \\u escape in a double-quoted string",
    "did not find expected <document start>": "unexpected text after the end of the document",
    "found incompatible YAML document": "this YAML version is not supported: use %YAML 1.2",
    "found a tab character that violates indentation": "a tab cannot be used for indentation: use spaces",
    "found unknown directive name": "unknown directive: only %YAML and %TAG exist",
    "found undefined tag handle": "the tag uses a prefix that no %TAG directive defines",
}
# The parser notices these only at the end of the text, far from the mistake.
_SEEN_FROM_THE_START = frozenset({"found unexpected end of stream", "found unexpected document indicator"})
_UNPRINTABLE = re.compile("[^\t\n\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def explain(error: YAMLError, text: str) -> tuple[int, str]:
    """The line within ``text``, from 0, and a reason in a user's words."""
    if isinstance(error, MarkedYAMLError):
        at_start = error.problem in _SEEN_FROM_THE_START
        mark = (error.context_mark if at_start else None) or error.problem_mark or error.context_mark
        line = min(mark.line if mark else 0, text.count("\n"))
        return line, _reason(error.problem or "", text, mark.index if mark else 0)
    return explain_character(text)


def explain_character(text: str) -> tuple[int, str]:
    """The line and the reason for the first character that YAML does not allow."""
    found = _UNPRINTABLE.search(text)
    if found is None:
        return 0, "not valid YAML"
    return text.count("\n", 0, found.start()), f"the character U+{ord(found.group()):04X} is not allowed"


def _reason(problem: str, text: str, index: int) -> str:
    if problem == "found character that cannot start any token":
        return _barred_start(text[index : index + 1])
    return _REASONS.get(problem, f"not valid YAML: {problem}")


def _barred_start(char: str) -> str:
    if char == "\t":
        return "a tab cannot be used for indentation: use spaces"
    return f"a value cannot start with '{char}': quote it"
