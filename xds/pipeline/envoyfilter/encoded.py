"""Encoded messages, read and changed one field at a time."""

from __future__ import annotations

from collections.abc import Iterable

from xds.wire.scan import scan, spans
from xds.wire.splice import field


def text(body: bytes, number: int) -> str:
    """A field that holds text; empty if absent."""
    raw = dict(scan(body)).get(number, b"")
    return raw.decode() if isinstance(raw, bytes) else ""


def integer(body: bytes, number: int) -> int:
    """A field that holds a number or an enum; 0 if absent."""
    raw = dict(scan(body)).get(number, 0)
    return raw if isinstance(raw, int) else 0


def message(body: bytes, number: int) -> bytes:
    """A field that holds a message; empty if absent, or if the message is."""
    return b"".join(items(body, number))


def has(body: bytes, number: int) -> bool:
    """Whether there is such a field."""
    return any(span.number == number for span in spans(body))


def items(body: bytes, number: int) -> list[bytes]:
    """The messages, or texts, of a list."""
    return [raw for found, raw in scan(body) if found == number and isinstance(raw, bytes)]


def texts(body: bytes, number: int) -> list[str]:
    """A list of texts."""
    return [raw.decode() for raw in items(body, number)]


def without(body: bytes, number: int) -> bytes:
    """The message without a field."""
    return b"".join(span.encoded for span in spans(body) if span.number != number)


def replaced(body: bytes, number: int, new: Iterable[bytes]) -> bytes:
    """The message with other messages in a field, whether it is a list or holds one."""
    kept = [(span.number, span.encoded) for span in spans(body) if span.number != number]
    put = [(number, field(number, each)) for each in new]
    return b"".join(encoded for _, encoded in sorted((*kept, *put), key=lambda pair: pair[0]))
