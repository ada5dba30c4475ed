"""HTTP header names and values, as RFC 9110 and Envoy accept them."""

from __future__ import annotations

import re
from typing import Final

from xds.config.document import Path
from xds.config.reader import Reader

_TOKEN: Final = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+")
_PSEUDO: Final = frozenset({":authority", ":method", ":path", ":protocol", ":scheme"})
_FORBIDDEN_IN_VALUE: Final = re.compile(r"[\0\r\n]")


def parse_header_name(reader: Reader, path: Path, name: str) -> str:
    """The name in lower case; an error at ``path``, and an empty name, for what is none."""
    if _TOKEN.fullmatch(name):
        return name.lower()
    reader.error(path, f"{name[:60]!r} is not the name of a header", "invalid-format")
    return ""


def parse_readable_header_name(reader: Reader, path: Path, name: str) -> str:
    """As :func:`parse_header_name`, where a header is only looked at: the pseudo-headers of a request will do too."""
    return name if name in _PSEUDO else parse_header_name(reader, path, name)


def check_header_value(reader: Reader, path: Path, value: str) -> None:
    """Report a value with a character that would end the header."""
    if _FORBIDDEN_IN_VALUE.search(value):
        reader.error(path, "a header's value must be one line, without NUL", "invalid-format")
