"""Encoders of single scalar values: a Python value of one protobuf type in, its wire bytes (without a tag) out.

Source: the protobuf encoding specification. Every encoder raises TypeError, ValueError, AttributeError or
struct.error for a value that its type cannot hold; ``encode`` turns these into an error that names the field.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from types import MappingProxyType

Encoder = Callable[..., bytes]
"""Takes a value of one type, gives its bytes. The argument's type depends on the field, hence the open signature."""

VARINT, FIXED64, LENGTH_DELIMITED, FIXED32 = 0, 1, 2, 5
"""Wire types."""

_ONE_BYTE = tuple(bytes((value,)) for value in range(0x80))


def varint(value: int) -> bytes:
    """``value`` in base 128, lowest group first. It must be in 0 .. 2**64-1; callers check their own narrower range."""
    if value < 0x80:
        return _ONE_BYTE[value]
    if value < 0x4000:
        return bytes((value & 0x7F | 0x80, value >> 7))
    groups = bytearray()
    while value >= 0x80:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)


def tag(number: int, wire_type: int) -> bytes:
    """The key that precedes a field's value."""
    return varint(number << 3 | wire_type)


def length_delimited(number: int, body: bytes) -> bytes:
    """A whole field, number and all, that holds ``body``: a string, bytes, a message or a packed list."""
    return tag(number, LENGTH_DELIMITED) + varint(len(body)) + body


def _unsigned(bits: int) -> Encoder:
    limit = 1 << bits

    def encode(value: int) -> bytes:
        if not 0 <= value < limit:
            raise ValueError(f"{value!r} is not an unsigned {bits}-bit integer")
        return varint(value)

    return encode


def _signed(bits: int) -> Encoder:
    """Negative numbers travel as 64-bit two's complement, whatever the field's width."""
    limit = 1 << (bits - 1)

    def encode(value: int) -> bytes:
        if 0 <= value < limit:
            return varint(value)
        if -limit <= value < 0:
            return varint(value + (1 << 64))
        raise ValueError(f"{value!r} is not a signed {bits}-bit integer")

    return encode


def _zigzag(bits: int) -> Encoder:
    limit = 1 << (bits - 1)

    def encode(value: int) -> bytes:
        if not -limit <= value < limit:
            raise ValueError(f"{value!r} is not a signed {bits}-bit integer")
        return varint(value << 1 if value >= 0 else (-value << 1) - 1)

    return encode


def _bool(value: object) -> bytes:
    if value is True:
        return b"\x01"
    if value is False:
        return b"\x00"
    raise TypeError(f"expected bool, got {type(value).__name__}")


def _bytes(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError(f"expected bytes, got {type(value).__name__}")
    return varint(len(value)) + value


def _string(value: object) -> bytes:
    if not isinstance(value, str):
        raise TypeError(f"expected str, got {type(value).__name__}")
    body = value.encode()
    return varint(len(body)) + body


SCALARS: Mapping[str, tuple[int, Encoder]] = MappingProxyType(
    {
        "bool": (VARINT, _bool),
        "enum": (VARINT, _signed(32)),
        "int32": (VARINT, _signed(32)),
        "int64": (VARINT, _signed(64)),
        "uint32": (VARINT, _unsigned(32)),
        "uint64": (VARINT, _unsigned(64)),
        "sint32": (VARINT, _zigzag(32)),
        "sint64": (VARINT, _zigzag(64)),
        "float": (FIXED32, struct.Struct("<f").pack),
        "double": (FIXED64, struct.Struct("<d").pack),
        "fixed32": (FIXED32, struct.Struct("<I").pack),
        "sfixed32": (FIXED32, struct.Struct("<i").pack),
        "fixed64": (FIXED64, struct.Struct("<Q").pack),
        "sfixed64": (FIXED64, struct.Struct("<q").pack),
        "string": (LENGTH_DELIMITED, _string),
        "bytes": (LENGTH_DELIMITED, _bytes),
    }
)
"""Protobuf scalar type -> its wire type and its encoder."""

PACKED: frozenset[str] = frozenset(SCALARS) - {"string", "bytes"}
"""Types whose repeated fields travel as one length-delimited list (proto3)."""
