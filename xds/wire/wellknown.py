"""Encoders of the well-known types that envoy-data-plane shows as plain Python values.

A Duration is a ``timedelta``, a Timestamp an aware ``datetime``, a ``UInt32Value`` an ``int``, and so on. Each encoder
gives the body of that message, without tag or length. It raises like those of ``scalars``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from xds.wire.scalars import SCALARS, VARINT, Encoder, tag

_SECONDS_PER_DAY = 86_400
_MICROS_PER_SECOND = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INT64 = SCALARS["int64"][1]
_SECONDS, _NANOS = tag(1, VARINT), tag(2, VARINT)


def implicit(number: int, proto_type: str, default: object) -> Encoder:
    """Encoder of a whole scalar field without presence: nothing at all for the default.

    It compares bytes and not values because -0.0 equals 0.0 and yet has to be written.
    """
    wire_type, encode = SCALARS[proto_type]
    key, zero = tag(number, wire_type), encode(default)

    def write(value: object) -> bytes:
        body = encode(value)
        return b"" if body == zero else key + body

    return write


def _seconds_and_nanos(seconds: int, nanos: int) -> bytes:
    return (_SECONDS + _INT64(seconds) if seconds else b"") + (_NANOS + _INT64(nanos) if nanos else b"")


def duration(value: object) -> bytes:
    """google.protobuf.Duration: both fields have the sign of the whole, in exact integer arithmetic."""
    if not isinstance(value, timedelta):
        raise TypeError(f"expected timedelta, got {type(value).__name__}")
    seconds, micros = value.days * _SECONDS_PER_DAY + value.seconds, value.microseconds
    if seconds < 0 and micros:
        seconds, micros = seconds + 1, micros - _MICROS_PER_SECOND
    return _seconds_and_nanos(seconds, micros * 1000)


def timestamp(value: object) -> bytes:
    """google.protobuf.Timestamp: seconds since the epoch, nanoseconds counting forward from there."""
    if not isinstance(value, datetime):
        raise TypeError(f"expected datetime, got {type(value).__name__}")
    if value.utcoffset() is None:
        raise ValueError(f"{value!r} has no time zone")
    since = value - _EPOCH
    return _seconds_and_nanos(since.days * _SECONDS_PER_DAY + since.seconds, since.microseconds * 1000)


WRAPPED: Mapping[str, Encoder] = MappingProxyType(
    {
        "Duration": duration,
        "Timestamp": timestamp,
        "BoolValue": implicit(1, "bool", False),
        "BytesValue": implicit(1, "bytes", b""),
        "DoubleValue": implicit(1, "double", 0.0),
        "FloatValue": implicit(1, "float", 0.0),
        "Int32Value": implicit(1, "int32", 0),
        "Int64Value": implicit(1, "int64", 0),
        "StringValue": implicit(1, "string", ""),
        "UInt32Value": implicit(1, "uint32", 0),
        "UInt64Value": implicit(1, "uint64", 0),
    }
)
"""Message name, in google.protobuf, -> the encoder of its body."""
