"""Extending an encoded message without decoding it: repeated fields concatenate, so a field is simply appended.

Source: the protobuf encoding specification, "Last One Wins" and "Repeated Elements".
"""

from __future__ import annotations

from xds.wire.scalars import LENGTH_DELIMITED, tag, varint
from xds.wire.scalars import length_delimited as field

__all__ = ["any_of", "enclosed", "field"]


def any_of(type_url: str, body: bytes) -> bytes:
    """An encoded ``google.protobuf.Any`` of an encoded message. One without content is as `encode` writes it."""
    return field(1, type_url.encode()) + (field(2, body) if body else b"")


def enclosed(number: int, *pieces: bytes) -> tuple[bytes, ...]:
    """A whole field that holds the ``pieces``, still in pieces: large bodies are copied once, by who joins them all."""
    return (tag(number, LENGTH_DELIMITED) + varint(sum(map(len, pieces))), *pieces)
