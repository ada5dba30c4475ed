"""Merging one encoded message into another, by the rules of an EnvoyFilter's MERGE.

As protobuf merges: what the change says replaces a scalar, lists are appended to, an entry of a map replaces the one of
its key, messages merge field by field, and a member of a oneof takes the place of another. But Durations, Timestamps
and wrappers are values, and replaced; and two messages in an Any merge if they are of one type: of another, the
change's replaces the one before. Bytes are merged and not the library's messages, which do not know whether a field at
its default was written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from betterproto2 import Message
from envoy_data_plane.google import protobuf

from xds.wire.fields import Field, fields_of
from xds.wire.registry import UnknownTypeError, message_class
from xds.wire.scalars import length_delimited
from xds.wire.scan import DecodeError, Raw, Span, scan, spans
from xds.wire.splice import any_of

_VALUES: Final = frozenset(
    {
        protobuf.Duration,
        protobuf.Timestamp,
        protobuf.Value,
        protobuf.BoolValue,
        protobuf.BytesValue,
        protobuf.DoubleValue,
        protobuf.FloatValue,
        protobuf.Int32Value,
        protobuf.Int64Value,
        protobuf.StringValue,
        protobuf.UInt32Value,
        protobuf.UInt64Value,
    }
)
"""Messages that count as one value."""

_NO_FIELDS: Final[Mapping[int, Field]] = MappingProxyType({})


def merged(cls: type[Message], before: bytes, change: bytes, *, replace_lists: bool = False) -> bytes:
    """``before`` with ``change`` merged into it, both messages of ``cls``.

    replace_lists: a list that the change has takes the place of the one before. Raises DecodeError if either is no
    such message.
    """
    if cls in _VALUES:
        return change
    if not change or not before:
        return change or before
    if cls is protobuf.Any:
        return _any(before, change, replace_lists)
    return _message(fields_of(cls), before, change, replace_lists)


def _message(fields: Mapping[int, Field], before: bytes, change: bytes, replace_lists: bool) -> bytes:
    found = _by_number(spans(before))
    for number, new in _by_number(spans(change)).items():
        field = fields.get(number)
        if field is not None and field.oneof is not None:
            for other in [other for other in found if other != number and _oneof(fields, other) == field.oneof]:
                del found[other]
        found[number] = _occurrences(field, found.get(number, []), new, replace_lists)
    return b"".join(span.encoded for number in sorted(found) for span in found[number])


def _oneof(fields: Mapping[int, Field], number: int) -> str | None:
    field = fields.get(number)
    return field.oneof if field is not None else None


def _by_number(every: Iterable[Span]) -> dict[int, list[Span]]:
    found: dict[int, list[Span]] = {}
    for span in every:
        found.setdefault(span.number, []).append(span)
    return found


def _occurrences(field: Field | None, before: list[Span], change: list[Span], replace_lists: bool) -> list[Span]:
    if field is None or not before:
        return before + change
    if field.is_map:
        keys = {_key(span) for span in change}
        return [span for span in before if _key(span) not in keys] + change
    if field.repeated:
        return change if replace_lists else before + change
    if field.message is None:
        return change
    body = merged(field.message, _joined(before), _joined(change), replace_lists=replace_lists)
    return [Span(field.number, body, length_delimited(field.number, body))]


def _key(entry: Span) -> Raw:
    """Of an entry of a map; a key that is the default may be left out."""
    key = dict(scan(_delimited(entry.raw))).get(1, b"")
    return key or b""


def _joined(occurrences: list[Span]) -> bytes:
    """What several occurrences of a message are together: protobuf merges them."""
    return b"".join(_delimited(span.raw) for span in occurrences)


def _delimited(raw: Raw) -> bytes:
    if isinstance(raw, int):
        raise DecodeError(f"expected a message, got the number {raw}")
    return raw


def _any(before: bytes, change: bytes, replace_lists: bool) -> bytes:
    url, body = unpack(change)
    old_url, old_body = unpack(before)
    if url.rpartition("/")[2] != old_url.rpartition("/")[2]:
        return change
    try:
        cls = message_class(url)
    except UnknownTypeError:
        return change
    return any_of(old_url, merged(cls, old_body, body, replace_lists=replace_lists))


def unpack(encoded: bytes) -> tuple[str, bytes]:
    """The type URL and the content of an encoded Any. Raises DecodeError."""
    raws = dict(scan(encoded))
    return _delimited(raws.get(1, b"")).decode(errors="replace"), _delimited(raws.get(2, b""))
