"""The path that a route sees, and the one that it makes of it."""

from __future__ import annotations

import re
from typing import Final

from envoy_data_plane.envoy.config.route.v3 import RouteMatch
from envoy_data_plane.envoy.type.matcher.v3 import RegexMatchAndSubstitute

from xds.explain.re2 import replace_all
from xds.explain.request import Request
from xds.explain.route_match import literal_path

_UNRESERVED: Final = re.compile(r"%(2[DE]|3[0-9]|4[1-9A-F]|5[0-9AF]|6[1-9A-F]|7[0-9AE])", re.IGNORECASE)
_ESCAPED: Final = re.compile(r'["<>^`{|}]')
_ESCAPED_SLASH: Final = re.compile("%(2F|5C)", re.IGNORECASE)


def normalized(path: str) -> str:
    """As a connection manager with ``normalize_path`` makes it before it looks for a route: RFC 3986, section 6."""
    bare, question, query = path.partition("?")
    plain = _UNRESERVED.sub(lambda escape: chr(int(escape[1], 16)), bare).replace("\\", "/")
    plain = _ESCAPED.sub(lambda found: f"%{ord(found[0]):02X}", plain)
    return "/" + "/".join(_without_dots(plain.removeprefix("/").split("/"))) + question + query


def unescaped(path: str) -> str:
    """With the slashes and backslashes that were escaped."""
    bare, question, query = path.partition("?")
    return _ESCAPED_SLASH.sub(lambda escape: chr(int(escape[1], 16)), bare) + question + query


def merged(path: str) -> str:
    """With one slash where there were several, as ``merge_slashes`` makes it: nothing but slashes becomes two."""
    bare, question, query = path.partition("?")
    if "//" not in bare:
        return path
    end = "/" if bare.endswith("/") else ""
    return "/" + "/".join(filter(None, bare.split("/"))) + end + question + query


def _without_dots(segments: list[str]) -> list[str]:
    kept: list[str] = []
    for position, segment in enumerate(segments):
        last = position == len(segments) - 1
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
            continue
        if last:
            kept.append("")
    return kept


def rewritten(request: Request, match: RouteMatch, prefix: str, regex: RegexMatchAndSubstitute | None) -> str:
    """The path, with its query, after ``prefix_rewrite`` and ``regex_rewrite``.

    What was matched is replaced: a prefix, or the whole path of a route with an exact path or a regular expression.
    """
    if prefix:
        by_prefix = match.prefix is not None or match.path_separated_prefix is not None
        matched = len(literal_path(match)) if by_prefix else len(request.path_alone)
        return prefix + request.path[matched:]
    if regex is not None and regex.pattern is not None:
        rest = request.path[len(request.path_alone) :]
        return replace_all(regex.pattern.regex, regex.substitution, request.path_alone) + rest
    return request.path
