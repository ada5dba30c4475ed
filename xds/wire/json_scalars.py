"""Scalars in protobuf's JSON mapping, to their encoding. What no type can hold is a `JsonError` at its path."""

from __future__ import annotations

import math
import struct
from base64 import b64decode
from types import MappingProxyType
from typing import Final, TypeAlias

from betterproto2 import Enum
from envoy_data_plane.google import protobuf

from xds.wire.scalars import PACKED, SCALARS

Path: TypeAlias = tuple[str | int, ...]

_INTEGERS: Final = frozenset(PACKED) - {"bool", "enum", "float", "double"}
_SPECIAL_FLOATS: Final = MappingProxyType({"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf})


class JsonError(ValueError):
    """What keeps JSON from being a message. path: of the value within the JSON; reason: what is wrong with it."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(reason)
        self.path = path
        self.reason = reason


def enum_number(enum: type[Enum], value: object, path: Path) -> int:
    """By name, or a number, which may be one that we do not know."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if enum is protobuf.NullValue and value is None:
        return 0
    names = {member.proto_name or member.name or "": member.value for member in enum}
    if not isinstance(value, str) or value not in names:
        raise JsonError(path, f"{value!r} is none of {', '.join(filter(None, names))}")
    return int(names[value])


def scalar_bytes(proto_type: str, value: object, path: Path) -> bytes:
    """The encoding of a value, without a tag."""
    try:
        return SCALARS[proto_type][1](python_value(proto_type, value, path))
    except (TypeError, ValueError, OverflowError, struct.error) as error:
        if isinstance(error, JsonError):
            raise
        raise JsonError(path, f"{value!r} is no {proto_type}") from error


def python_value(proto_type: str, value: object, path: Path) -> object:
    """The value that an encoder of this type takes."""
    if proto_type in _INTEGERS:
        return integer(value, path)
    if proto_type in ("float", "double"):
        return _float(value, path)
    if proto_type == "bytes" and isinstance(value, str):
        return _bytes(value, path)
    return value


def integer(value: object, path: Path) -> int:
    """An integer, or the text of one; a number with a fraction of zero counts as well."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise JsonError(path, f"must be an integer, not {kind_of(value)}")
    try:
        number = int(value) if isinstance(value, str) or math.isfinite(value) else None
    except ValueError:
        number = None
    if number is None or (isinstance(value, float) and number != value):
        raise JsonError(path, f"{value!r} is not an integer")
    return number


def _float(value: object, path: Path) -> float:
    if isinstance(value, str) and value in _SPECIAL_FLOATS:
        return _SPECIAL_FLOATS[value]
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise JsonError(path, f"must be a number, not {kind_of(value)}")
    try:
        return float(value)
    except (ValueError, OverflowError):
        raise JsonError(path, f"{value!r} is not a number") from None


def _bytes(text: str, path: Path) -> bytes:
    """Base64, of the usual alphabet or of that for URLs, padded or not."""
    plain = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except ValueError:
        raise JsonError(path, "is not base64") from None


def kind_of(value: object) -> str:
    """What a value is, in words."""
    names = {str: "text", bool: "a boolean", int: "a number", float: "a number", list: "a list", dict: "a mapping"}
    return names.get(type(value), "null")
