"""Paths of an AuthorizationPolicy: text with ``*`` at an end, or a template whose segments may be ``{*}`` and ``{**}``.

Envoy ends its own process for a template that it cannot read: what passes here has to be right.
"""

from __future__ import annotations

import re
from typing import Final

ONE: Final = "{*}"
"""Exactly one segment."""

ANY: Final = "{**}"
"""Any number of segments, none included."""

_LITERAL: Final = re.compile(r"[-a-zA-Z0-9._~%!$&'()+,;:@=]+")
"""What Envoy takes in a segment of a template that stands for itself."""

_MAX_TEMPLATE: Final = 256
"""Without the braces, which Envoy's have not."""


def _bare(path: str) -> str:
    return path.replace("{", "").replace("}", "")


def is_template(path: str) -> bool:
    """Whether the path is compared by segments."""
    return ONE in path or ANY in path


def check_path(path: str) -> None:
    """Raises ValueError with the reason if this is a template that is wrong, as Istio and Envoy see it."""
    if "{" not in path and "}" not in path:
        return
    if not is_template(path):
        raise ValueError(f"{path[:60]!r}: braces are for templates, whose segments are {ONE} or {ANY}")
    if not path.startswith("/") or len(_bare(path)) > _MAX_TEMPLATE:
        raise ValueError(f"{path[:60]!r}: a template begins with / and has at most {_MAX_TEMPLATE} characters")
    _check_segments(path, path[1:].removesuffix("/").split("/"))


def _check_segments(path: str, segments: list[str]) -> None:
    seen_any = False
    for segment in segments:
        if segment in (ONE, ANY):
            if seen_any:
                raise ValueError(f"{path[:60]!r}: no {ONE} or {ANY} may come after {ANY}")
            seen_any = segment == ANY
        elif not _LITERAL.fullmatch(segment):
            reason = f"in a template every segment is {ONE}, {ANY}, or letters, digits and -._~%!$&'()+,;:@="
            raise ValueError(f"{path[:60]!r}: {reason}")
