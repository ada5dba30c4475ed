"""Protobuf bytes to raw fields: the half of decoding that needs no schema, and scalars by their protobuf type.

Source: the protobuf encoding specification. A raw value is the int of a varint, or the bytes of anything else.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from xds.wire.scalars import FIXED32, FIXED64, LENGTH_DELIMITED, SCALARS, VARINT

Raw = int | bytes
Scalar = bool | int | float | str | bytes

_MASK64 = (1 << 64) - 1
_MAX_VARINT_BITS = 70
_FIXED_SIZE = {FIXED64: 8, FIXED32: 4}
_FIXED_FORMAT = {"float": "<f", "double": "<d", "fixed32": "<I", "sfixed32": "<i", "fixed64": "<Q", "sfixed64": "<q"}
_SIGNED_BITS = {"enum": 32, "int32": 32, "int64": 64}
_UNSIGNED_BITS = {"uint32": 32, "uint64": 64, "sint32": 32, "sint64": 64}


class DecodeError(ValueError):
    """Bytes that are not a message of the expected type."""


def scan(body: bytes) -> Iterator[tuple[int, Raw]]:
    """The fields of a message as they stand on the wire: number and raw value. Raises DecodeError."""
    position = 0
    while position < len(body):
        key, position = _varint(body, position)
        raw, position = _raw(body, position, key & 7)
        yield key >> 3, raw


class Span(NamedTuple):
    """One field as it stands on the wire. encoded: all of it, with its tag."""

    number: int
    raw: Raw
    encoded: bytes


def spans(body: bytes) -> Iterator[Span]:
    """The fields of a message with their own bytes. Raises DecodeError."""
    position = 0
    while position < len(body):
        start = position
        key, position = _varint(body, position)
        raw, position = _raw(body, position, key & 7)
        yield Span(key >> 3, raw, body[start:position])


def scan_packed(proto_type: str, body: bytes) -> Iterator[Raw]:
    """The raw values of a packed list. Raises DecodeError."""
    position = 0
    while position < len(body):
        raw, position = _raw(body, position, SCALARS[proto_type][0])
        yield raw


def scalar(proto_type: str, raw: Raw) -> Scalar:
    """The Python value of a raw field of that type. Raises DecodeError if the wire type or the text does not fit."""
    try:
        return _varint_scalar(proto_type, raw) if isinstance(raw, int) else _bytes_scalar(proto_type, raw)
    except (KeyError, struct.error, UnicodeDecodeError) as error:
        raise DecodeError(f"not a {proto_type}: {raw!r}") from error


def _varint_scalar(proto_type: str, raw: int) -> Scalar:
    if proto_type == "bool":
        return raw != 0
    if bits := _SIGNED_BITS.get(proto_type):
        value = raw & ((1 << bits) - 1)
        return value - (1 << bits) if value >> (bits - 1) else value
    value = raw & ((1 << _UNSIGNED_BITS[proto_type]) - 1)
    return (value >> 1) ^ -(value & 1) if proto_type.startswith("s") else value


def _bytes_scalar(proto_type: str, raw: bytes) -> Scalar:
    if proto_type == "string":
        return raw.decode()
    if proto_type == "bytes":
        return raw
    number: int | float = struct.unpack(_FIXED_FORMAT[proto_type], raw)[0]
    return number


def _raw(body: bytes, position: int, wire_type: int) -> tuple[Raw, int]:
    if wire_type == VARINT:
        return _varint(body, position)
    if wire_type == LENGTH_DELIMITED:
        size, position = _varint(body, position)
    elif wire_type in _FIXED_SIZE:
        size = _FIXED_SIZE[wire_type]
    else:
        raise DecodeError(f"wire type {wire_type} before byte {position}")
    end = position + size
    if end > len(body):
        raise DecodeError(f"a field runs past the end, at byte {position}")
    return body[position:end], end


def _varint(body: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, _MAX_VARINT_BITS, 7):
        if position >= len(body):
            raise DecodeError("a varint runs past the end")
        group = body[position]
        position += 1
        value |= (group & 0x7F) << shift
        if group < 0x80:
            return value & _MASK64, position
    raise DecodeError(f"a varint of more than ten bytes, before byte {position}")
