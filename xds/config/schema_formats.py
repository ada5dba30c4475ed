"""Named string formats that a schema may demand, and what to tell a user whose text is not of one."""

from __future__ import annotations

import re
from typing import Final, NamedTuple


class Format(NamedTuple):
    """A pattern that the whole text must match, and what it must be in words."""

    pattern: re.Pattern[str]
    reason: str


def _format(pattern: str, reason: str) -> Format:
    return Format(re.compile(pattern, re.DOTALL), reason)


_LABEL = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"

FORMATS: Final[dict[str, Format]] = {
    "subdomain": _format(
        rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*", "must be lower-case letters, digits, '-' and '.'"
    ),
    "subdomain-or-empty": _format(rf"(?:{_LABEL}(?:\.{_LABEL})*)?", "must be lower-case letters, digits, '-' and '.'"),
    "label": _format(rf"(?=.{{1,63}}\Z){_LABEL}", "must be at most 63 lower-case letters, digits and '-'"),
    "kind-name": _format("[a-zA-Z](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?", "must be the name of a kind"),
    "header-name": _format("[-_A-Za-z0-9]+", "must be letters, digits, '-' and '_'"),
    "label-key": _format(r"[^*]+", "must be a label's key, without '*'"),
    "port-name": _format("[a-zA-Z0-9](?:[-a-zA-Z0-9]{0,60}[a-zA-Z0-9])?", "must be a port's name"),
    "port-number": _format(
        "0*(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])",
        "must be a port number from 1 to 65535",
    ),
    "no-wildcard": _format(r"[^*]*", "must not contain '*'"),
    "not-star": _format(r"(?!\*\Z).*", "must not be '*' alone"),
    "sha256-or-empty": _format("(?:[a-f0-9]{64})?", "must be 64 lower-case hexadecimal digits"),
    "socket-or-address": _format(
        r"(?!unix://).*|unix://[/@](?:.*[^/])?", "must be an address, or unix:// with an absolute path or @name"
    ),
    "http-url": _format("https?://.+", "must be a URL that starts with http:// or https://"),
}
