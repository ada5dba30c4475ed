"""Protobuf at the level of bytes: repeated fields concatenate, so a message is extended by appending a field.

Source: the protobuf encoding specification, "Length-Delimited Records" and "Last One Wins".
"""

from __future__ import annotations

_LENGTH_DELIMITED = 2


def varint(value: int) -> bytes:
    """A base-128 varint. value: not negative."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number: int, payload: bytes) -> bytes:
    """A length-delimited field (string, bytes, or message) with its tag."""
    return b"".join((varint(number << 3 | _LENGTH_DELIMITED), varint(len(payload)), payload))


def any_of(type_url: str, body: bytes) -> bytes:
    """An encoded ``google.protobuf.Any``."""
    return field(1, type_url.encode()) + field(2, body)
