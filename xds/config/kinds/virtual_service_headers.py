"""Changes to headers on the way (Istio ``Headers``)."""

from __future__ import annotations

from typing import Final

from xds.config.kinds.header_names import check_header_value, parse_header_name
from xds.config.reader import Reader
from xds.model.routing import HeaderOperations, Headers

_AUTHORITY: Final = ":authority"


def parse_headers(reader: Reader) -> Headers | None:
    """``headers`` of a rule or of a destination; None if absent or without any change."""
    headers = reader.child("headers")
    if headers is None:
        return None
    request = _operations(headers, "request", may_set=(_AUTHORITY,))
    response = _operations(headers, "response")
    return Headers(request, response) if request or response else None


def _operations(headers: Reader, direction: str, may_set: tuple[str, ...] = ()) -> HeaderOperations | None:
    operations = headers.child(direction)
    if operations is None:
        return None
    changes = HeaderOperations(
        set=_values(operations, "set", may_set), add=_values(operations, "add"), remove=_removed(operations)
    )
    return changes if changes.set or changes.add or changes.remove else None


def _values(operations: Reader, name: str, also: tuple[str, ...] = ()) -> dict[str, str]:
    values: dict[str, str] = {}
    for header, value in operations.labels(name).items():
        key = header if header in also else parse_header_name(operations, (name, header), header)
        check_header_value(operations, (name, header), value)
        values[key] = value
    return values


def _removed(operations: Reader) -> tuple[str, ...]:
    names = enumerate(operations.strings("remove"))
    removed = tuple(parse_header_name(operations, ("remove", index), name) for index, name in names)
    if "host" in removed:
        operations.error("remove", "host cannot be removed: a request always has one", "invalid-value")
    return removed
