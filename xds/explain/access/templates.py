"""Envoy's ``UriTemplateMatchConfig``: ``/a/*/b/**``, ``/a/{name}/{rest=**}``."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from xds.explain.errors import UnsupportedError

_CHARACTERS: Final = r"a-zA-Z0-9\-._~%!$&'()+,;:@="
"""Those that a wildcard stands for: what may be in a path as it is, but for the asterisk."""
_ONE: Final = f"[{_CHARACTERS}]+"
_REST: Final = f"[{_CHARACTERS}/]*"
_WHOLE: Final = re.compile(r"(?:/(?:\*\*?|\{[^}]*\}|[^*{}/]*))*")
"""What stands for something is a segment of its own; Envoy makes something else of an asterisk beside other text."""
_PART: Final = re.compile(r"\{[^=}]+(?:=(?P<pattern>[^}]*))?\}|(?P<rest>\*\*)|(?P<one>\*)|(?P<literal>[^{*]+)")


def matches(template: str, path: str) -> bool:
    """Whether a path, without its query, is one of the template. Raises UnsupportedError."""
    return _compiled(template).fullmatch(path) is not None


@lru_cache(maxsize=256)
def _compiled(template: str) -> re.Pattern[str]:
    if not _WHOLE.fullmatch(template):
        raise UnsupportedError(f"the path template {template}")
    return re.compile(_pattern(template))


def _pattern(template: str) -> str:
    return "".join(map(_part, _PART.finditer(template)))


def _part(found: re.Match[str]) -> str:
    """A variable is one segment, unless it says otherwise."""
    if found["literal"] is not None:
        return re.escape(found["literal"])
    if found["rest"] is not None:
        return _REST
    return _ONE if found["one"] is not None or found["pattern"] is None else _pattern(found["pattern"])
