"""Protobuf's JSON mapping to protobuf bytes: reads what `protojson` writes, and all else that the mapping allows.

A field is named as in the ``.proto`` file or in lowerCamelCase; a name that the message does not have is an error, as
is a value that its type cannot hold. The bytes are canonical, as those of `encode` are. No message is made: unlike the
library's classes, bytes tell what was written from what was left out.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from betterproto2 import Message
from envoy_data_plane.google import protobuf

from xds.wire.fields import Field, fields_by_name
from xds.wire.json_scalars import JsonError, Path, enum_number, integer, kind_of, python_value, scalar_bytes
from xds.wire.registry import UnknownTypeError, message_class
from xds.wire.scalars import LENGTH_DELIMITED, PACKED, SCALARS, VARINT, length_delimited, tag, varint
from xds.wire.splice import any_of
from xds.wire.typed_struct import TypedStruct
from xds.wire.wellknown import WRAPPED, implicit, timestamp

_DURATION: Final = re.compile(r"(?P<sign>-?)(?P<seconds>[0-9]{1,12})(?:\.(?P<fraction>[0-9]{1,9}))?s")
_MAX_DEPTH: Final = 100


def from_json(cls: type[Message], value: object) -> bytes:
    """The encoding of the message that ``value`` is the JSON form of. Raises JsonError."""
    return _message(cls, value, ())


def _message(cls: type[Message], value: object, path: Path) -> bytes:
    if len(path) > _MAX_DEPTH:
        raise JsonError(path, f"more than {_MAX_DEPTH} levels deep")
    if special := _SPECIAL.get(cls):
        return special(value, path)
    body = _fields(cls, _mapping(value, cls.__name__, path).items(), path)
    return _checked_struct(body, value, path) if cls is TypedStruct else body


def _fields(cls: type[Message], items: Iterable[tuple[str, object]], path: Path) -> bytes:
    names = fields_by_name(cls)
    written: dict[int, bytes] = {}
    oneofs: dict[str, str] = {}
    for name, item in items:
        field = names.get(name)
        if field is None:
            raise JsonError((*path, name), f"{cls.__name__} has no such field{_nearest(name, names)}")
        if item is None and field.message is not protobuf.Value and field.enum is not protobuf.NullValue:
            continue
        if field.number in written:
            raise JsonError((*path, name), f"{field.name} is given twice, under both of its names")
        if field.oneof is not None and (other := oneofs.setdefault(field.oneof, name)) != name:
            raise JsonError((*path, name), f"excludes {other}, which is given as well")
        written[field.number] = _field(field, item, (*path, name))
    return b"".join(written[number] for number in sorted(written))


def _nearest(name: str, names: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _field(field: Field, value: object, path: Path) -> bytes:
    if field.is_map:
        return _map(field, value, path)
    if field.repeated:
        return _list(field, value, path)
    body = _element(field, value, path)
    if not field.explicit and body in (b"\0", b"\0" * 4, b"\0" * 8):
        return b""
    return _tag(field) + body


def _tag(field: Field) -> bytes:
    return tag(field.number, SCALARS[field.proto_type][0] if field.message is None else 2)


def _element(field: Field, value: object, path: Path) -> bytes:
    """One value without its tag."""
    if field.message is not None:
        body = _message(field.message, value, path)
        return varint(len(body)) + body
    if field.enum is not None:
        return SCALARS["enum"][1](enum_number(field.enum, value, path))
    return scalar_bytes(field.proto_type, value, path)


def _list(field: Field, value: object, path: Path) -> bytes:
    if not isinstance(value, list):
        raise JsonError(path, f"must be a list, not {kind_of(value)}")
    items = [_element(field, item, (*path, index)) for index, item in enumerate(value)]
    if field.proto_type in PACKED:
        return length_delimited(field.number, b"".join(items)) if items else b""
    return b"".join(_tag(field) + item for item in items)


def _map(field: Field, value: object, path: Path) -> bytes:
    key_type = field.key or "string"
    items = ((_map_key(key_type, key, path), key, item) for key, item in _mapping(value, "", path).items())
    entries = []
    for key, name, item in sorted(items, key=lambda entry: entry[0]):
        place = (*path, name)
        written = tag(1, SCALARS[key_type][0]) + scalar_bytes(key_type, key, place)
        value_tag = tag(2, SCALARS[field.proto_type][0] if field.message is None else 2)
        entries.append(length_delimited(field.number, written + value_tag + _element(field, item, place)))
    return b"".join(entries)


def _map_key(key_type: str, key: str, path: Path) -> str | int | bool:
    if key_type == "string":
        return key
    if key_type == "bool":
        if key not in ("true", "false"):
            raise JsonError((*path, key), "must be true or false")
        return key == "true"
    return integer(key, (*path, key))


def _mapping(value: object, what: str, path: Path) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise JsonError(path, f"must be a mapping{f', a {what}' if what else ''}, not {kind_of(value)}")
    return value


# Well-known types


def _any(value: object, path: Path) -> bytes:
    content = _mapping(value, "message with its @type", path)
    url = content.get("@type")
    if not isinstance(url, str) or not url:
        if content:
            raise JsonError((*path, "@type"), "is missing: it says which message this is")
        return b""
    try:
        cls = message_class(url)
    except UnknownTypeError:
        reason = (
            f"Envoy's API has no message {url.rpartition('/')[2]}; "
            "an extension that stock Envoy does not have takes an xds.type.v3.TypedStruct"
        )
        raise JsonError((*path, "@type"), reason) from None
    rest = [(name, item) for name, item in content.items() if name != "@type"]
    if cls not in _SPECIAL:
        return any_of(url, _message(cls, dict(rest), path))
    if [name for name, _ in rest] != ["value"]:
        raise JsonError(path, f"a {cls.__name__} stands under value, and nothing beside it")
    return any_of(url, _message(cls, rest[0][1], (*path, "value")))


def _checked_struct(body: bytes, value: object, path: Path) -> bytes:
    """The message in a TypedStruct is read too, if it is known, so that mistakes in it are found."""
    content = _mapping(value, "", path)
    url, inner = content.get("type_url", content.get("typeUrl")), content.get("value")
    if not isinstance(url, str) or not url:
        raise JsonError((*path, "type_url"), "is missing: it says which message the value is")
    try:
        cls = message_class(url)
    except UnknownTypeError:
        return body  # of an extension that only the user's own Envoy has
    if inner is not None:
        _message(cls, inner, (*path, "value"))
    return body


def _duration(value: object, path: Path) -> bytes:
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise JsonError(path, f"{value!r} is not a duration in seconds, such as 1.5s")
    sign = -1 if match["sign"] else 1
    seconds, nanos = sign * int(match["seconds"]), sign * int((match["fraction"] or "").ljust(9, "0"))
    return _implicit(1, "int64", seconds) + _implicit(2, "int32", nanos)


def _implicit(number: int, proto_type: str, value: int) -> bytes:
    return implicit(number, proto_type, 0)(value)


def _timestamp(value: object, path: Path) -> bytes:
    try:
        return timestamp(datetime.fromisoformat(value if isinstance(value, str) else ""))
    except ValueError:
        raise JsonError(path, f"{value!r} is not a moment, such as 2026-01-31T12:00:00Z") from None


def _value(value: object, path: Path) -> bytes:
    """google.protobuf.Value: anything."""
    if value is None:
        return tag(1, VARINT) + b"\0"
    if isinstance(value, bool):
        return tag(4, VARINT) + SCALARS["bool"][1](value)
    if isinstance(value, int | float):
        return tag(2, SCALARS["double"][0]) + scalar_bytes("double", float(value), path)
    if isinstance(value, str):
        return tag(3, LENGTH_DELIMITED) + scalar_bytes("string", value, path)
    if isinstance(value, list):
        return length_delimited(6, _list_value(value, path))
    return length_delimited(5, _struct(value, path))


def _struct(value: object, path: Path) -> bytes:
    items = sorted(_mapping(value, "", path).items())
    return b"".join(length_delimited(1, _entry(key, item, (*path, key))) for key, item in items)


def _entry(key: str, item: object, path: Path) -> bytes:
    return tag(1, LENGTH_DELIMITED) + scalar_bytes("string", key, path) + length_delimited(2, _value(item, path))


def _list_value(value: object, path: Path) -> bytes:
    if not isinstance(value, list):
        raise JsonError(path, f"must be a list, not {kind_of(value)}")
    return b"".join(length_delimited(1, _value(item, (*path, index))) for index, item in enumerate(value))


def _wrapper(name: str, proto_type: str) -> Callable[[object, Path], bytes]:
    def convert(value: object, path: Path) -> bytes:
        scalar_bytes(proto_type, value, path)
        return WRAPPED[name](python_value(proto_type, value, path))

    return convert


_SPECIAL: Mapping[type[Message], Callable[[object, Path], bytes]] = MappingProxyType(
    {
        protobuf.Any: _any,
        protobuf.Duration: _duration,
        protobuf.Timestamp: _timestamp,
        protobuf.Value: _value,
        protobuf.Struct: _struct,
        protobuf.ListValue: _list_value,
        protobuf.BoolValue: _wrapper("BoolValue", "bool"),
        protobuf.BytesValue: _wrapper("BytesValue", "bytes"),
        protobuf.DoubleValue: _wrapper("DoubleValue", "double"),
        protobuf.FloatValue: _wrapper("FloatValue", "float"),
        protobuf.Int32Value: _wrapper("Int32Value", "int32"),
        protobuf.Int64Value: _wrapper("Int64Value", "int64"),
        protobuf.StringValue: _wrapper("StringValue", "string"),
        protobuf.UInt32Value: _wrapper("UInt32Value", "uint32"),
        protobuf.UInt64Value: _wrapper("UInt64Value", "uint64"),
    }
)
"""Message types with a JSON form of their own."""
