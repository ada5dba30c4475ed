"""Encoded resources, read no further than needed: a RouteConfiguration can have thousands of routes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TypeVar

import betterproto2
from envoy_data_plane.google.protobuf import Any as AnyMessage

from xds.wire.encode import encode
from xds.wire.protojson import any_to_json, to_json
from xds.wire.registry import type_url
from xds.wire.scalars import VARINT, length_delimited, tag, varint
from xds.wire.scan import Raw, scan

_PERCENT = {"HUNDRED": 1, "TEN_THOUSAND": 100, "MILLION": 10_000}
"""So many parts are one percent."""

M = TypeVar("M", bound=betterproto2.Message)


def parse(cls: type[M], body: bytes) -> M:
    """The message, which must not be changed: the next one who asks gets the same."""
    message = _parsed(cls, body)
    if not isinstance(message, cls):
        raise TypeError(f"{type(message).__name__} is no {cls.__name__}")
    return message


@lru_cache(maxsize=512)
def _parsed(cls: type[betterproto2.Message], body: bytes) -> betterproto2.Message:
    """Fields that Envoy calls deprecated are no news to whoever reads what others wrote."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return cls.parse(body)


def fields(body: bytes, number: int) -> Iterator[bytes]:
    """Every occurrence of a field that holds messages or text."""
    return (raw for field, raw in scan(body) if field == number and isinstance(raw, bytes))


def texts(body: bytes, number: int) -> tuple[str, ...]:
    """Every occurrence of a field that holds text."""
    return tuple(raw.decode() for raw in fields(body, number))


def without(body: bytes, *numbers: int) -> bytes:
    """The message without some of its fields. It must have no fields of fixed size."""
    return b"".join(_field(number, raw) for number, raw in scan(body) if number not in numbers)


def _field(number: int, raw: Raw) -> bytes:
    return tag(number, VARINT) + varint(raw) if isinstance(raw, int) else length_delimited(number, raw)


def unpacked(config: AnyMessage | None, cls: type[M]) -> M | None:
    """The message in an Any; None if there is none, or it is another one."""
    if config is None or config.type_url != type_url(cls):
        return None
    return parse(cls, config.value)


def as_json(message: betterproto2.Message) -> Mapping[str, object]:
    """A message in protobuf's JSON mapping."""
    return to_json(type_url(type(message)), encode(message))


def as_json_any(config: AnyMessage) -> Mapping[str, object]:
    """What is in an Any, in protobuf's JSON mapping."""
    return any_to_json(config.type_url, config.value)


def in_words(value: object) -> str:
    """JSON on one line, for people: ``num_retries 2, retry_on connect-failure``. A fraction is a percentage."""
    if isinstance(value, Mapping):
        if value.keys() <= {"numerator", "denominator"} and value:
            return f"{value.get('numerator', 0) / _PERCENT[value.get('denominator', 'HUNDRED')]:g}%"
        pairs = ((key, in_words(item)) for key, item in value.items() if key != "@type")
        return ", ".join(f"{key} {text}".rstrip() for key, text in pairs)
    if isinstance(value, list):
        return "[" + "; ".join(map(in_words, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)
