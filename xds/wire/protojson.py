"""Protobuf bytes to protobuf's JSON mapping, with the field names of the ``.proto`` files, as operators write them.

Durations are ``"1.5s"``, wrappers bare values, 64-bit integers strings, enums names, bytes base64, and an Any carries
``@type`` beside the fields of what it holds. ``envoy --mode validate`` accepts the result. The bytes are read directly:
nothing is validated, no precision is lost, and concatenated messages merge as protobuf merges them.

The library's own ``to_dict`` is not used: it renames fields with digits (``consecutive_5xx`` becomes
``consecutive_5_xx``, which Envoy refuses), fails on negative durations, cuts nanoseconds, and fails on an Any whose
module has not been imported.
"""

from __future__ import annotations

import dataclasses
import math
import struct
import typing
from base64 import b64encode
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from types import MappingProxyType

from betterproto2 import Enum, FieldMetadata, Message
from envoy_data_plane.google import protobuf

from xds.wire.fields import proto_name
from xds.wire.registry import UnknownTypeError, message_class
from xds.wire.scalars import PACKED, SCALARS, VARINT
from xds.wire.scan import DecodeError, Raw, Scalar, scalar, scan, scan_packed

_Convert = Callable[[Raw], object]
_INT64_TYPES = frozenset({"int64", "uint64", "sint64", "fixed64", "sfixed64"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_json(type_url: str, body: bytes) -> dict[str, object]:
    """A resource as a JSON object, without ``@type``.

    A type that envoy-data-plane does not have, or whose JSON form is not an object, is given as ``any_to_json`` does.
    Raises DecodeError if ``body`` is not such a message.
    """
    try:
        value = _message(message_class(type_url), body)
    except UnknownTypeError:
        return any_to_json(type_url, body)
    return value if isinstance(value, dict) else any_to_json(type_url, body)


def any_to_json(type_url: str, body: bytes) -> dict[str, object]:
    """The JSON object of a google.protobuf.Any: ``@type`` and the fields of the message in it.

    The content stands under ``value`` if it is a well-known type with a JSON form of its own, and, in base64, if
    envoy-data-plane does not have the type. Raises DecodeError if ``body`` is not such a message.
    """
    try:
        cls = message_class(type_url)
    except UnknownTypeError:
        return {"@type": type_url, "value": b64encode(body).decode()}
    value = _message(cls, body)
    if isinstance(value, dict) and cls not in _SPECIAL:
        return {"@type": type_url, **value}
    return {"@type": type_url, "value": value}


@dataclasses.dataclass(frozen=True, slots=True)
class _Field:
    """How one field of a message becomes JSON. ``join`` makes the JSON value of all the field's occurrences."""

    name: str
    oneof: str | None
    join: Callable[[list[Raw]], object]


def _message(cls: type[Message], body: bytes) -> object:
    if special := _SPECIAL.get(cls):
        return special(body)
    fields = _fields(cls)
    return {fields[number].name: fields[number].join(raws) for number, raws in sorted(_occurrences(fields, body))}


def _occurrences(fields: Mapping[int, _Field], body: bytes) -> Iterable[tuple[int, list[Raw]]]:
    """The raw values of each known field. Of a oneof, the member that was written last counts."""
    found: defaultdict[int, list[Raw]] = defaultdict(list)
    chosen: dict[str, int] = {}
    for number, raw in scan(body):
        field = fields.get(number)
        if field is None:
            continue
        if field.oneof is not None and chosen.setdefault(field.oneof, number) != number:
            found.pop(chosen[field.oneof])
            chosen[field.oneof] = number
        found[number].append(raw)
    return found.items()


@cache
def _fields(cls: type[Message]) -> Mapping[int, _Field]:
    """The fields of a message class by number."""
    hints = typing.get_type_hints(cls)
    fields = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]  # generated messages are dataclasses
        meta = FieldMetadata.get(field)
        hint = hints[field.name]
        fields[meta.number] = _Field(proto_name(field.name), meta.group, _join(meta, typing.get_args(hint) or (hint,)))
    return fields


def _join(meta: FieldMetadata, types: tuple[type, ...]) -> Callable[[list[Raw]], object]:
    if meta.map_meta is not None:
        return _join_map(meta.map_meta, types)
    convert = _converter(meta, types[0])
    if not meta.repeated:
        if meta.proto_type == "message":
            return lambda raws: convert(b"".join(map(_delimited, raws)))
        return lambda raws: convert(raws[-1])
    if meta.proto_type in PACKED:
        return lambda raws: [convert(raw) for occurrence in raws for raw in _unpacked(meta.proto_type, occurrence)]
    return lambda raws: [convert(raw) for raw in raws]


def _unpacked(proto_type: str, raw: Raw) -> Iterable[Raw]:
    """A decoder has to accept both forms of a repeated number; a lone fixed-size value looks like a packed one."""
    return (raw,) if isinstance(raw, int) else scan_packed(proto_type, raw)


def _join_map(metas: tuple[FieldMetadata, FieldMetadata], types: tuple[type, ...]) -> Callable[[list[Raw]], object]:
    key_type = metas[0].proto_type
    key_default, value_default = (_default(meta.proto_type) for meta in metas)
    convert_value = _converter(metas[1], types[1])

    def join(raws: list[Raw]) -> object:
        entries = (dict(scan(_delimited(raw))) for raw in raws)
        return {
            _map_key(scalar(key_type, entry.get(1, key_default))): convert_value(entry.get(2, value_default))
            for entry in entries
        }

    return join


def _map_key(key: Scalar) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def _default(proto_type: str) -> Raw:
    """What an entry of a map holds for a key or value that was not written."""
    if proto_type != "message" and SCALARS[proto_type][0] == VARINT:
        return 0
    return b"" if proto_type in ("message", "string", "bytes") else SCALARS[proto_type][1](0)


def _converter(meta: FieldMetadata, hint: type) -> _Convert:
    """From one raw value to JSON. ``hint`` is the type of the element: a message, an enum or a plain Python type."""
    if meta.proto_type == "message":
        cls = meta.unwrap() if meta.unwrap is not None else hint
        return lambda raw: _message(cls, _delimited(raw))
    if meta.proto_type == "enum":
        return _enum_converter(hint)
    return lambda raw: _scalar_json(meta.proto_type, scalar(meta.proto_type, raw))


def _enum_converter(enum: type[Enum]) -> _Convert:
    def convert(raw: Raw) -> object:
        member = enum(int(scalar("enum", raw)))
        if enum is protobuf.NullValue:
            return None
        return (member.proto_name or member.name) if member.name else member.value

    return convert


def _delimited(raw: Raw) -> bytes:
    if isinstance(raw, int):
        raise DecodeError(f"expected a message, got the number {raw}")
    return raw


def _scalar_json(proto_type: str, value: Scalar) -> object:
    if proto_type in _INT64_TYPES:
        return str(value)
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, float):
        return _float_json(_shortest(value) if proto_type == "float" else value)
    return value


def _float_json(value: float) -> object:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _shortest(value: float) -> float:
    """The decimal that a 32-bit float was most likely written as: 0.1 and not 0.10000000149011612."""
    candidates = (float(f"{value:.{digits}g}") for digits in range(6, 9))
    return next((short for short in candidates if _same_float(short, value)), value)


def _same_float(short: float, value: float) -> bool:
    try:
        return struct.pack("<f", short) == struct.pack("<f", value)
    except OverflowError:
        return False


def _seconds_and_nanos(body: bytes) -> tuple[int, int]:
    raws = dict(scan(body))
    return int(scalar("int64", raws.get(1, 0))), int(scalar("int32", raws.get(2, 0)))


def _fraction(nanos: int) -> str:
    """Nothing, or a point and 3, 6 or 9 digits, as few as hold the value."""
    if not nanos:
        return ""
    digits = f"{nanos:09d}"
    return "." + digits.removesuffix("000").removesuffix("000")


def _duration(body: bytes) -> object:
    seconds, nanos = _seconds_and_nanos(body)
    sign = "-" if seconds < 0 or nanos < 0 else ""
    return f"{sign}{abs(seconds)}{_fraction(abs(nanos))}s"


def _timestamp(body: bytes) -> object:
    seconds, nanos = _seconds_and_nanos(body)
    try:
        whole = (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None)
    except OverflowError as error:
        raise DecodeError(f"a timestamp of {seconds} s is outside the years 1 to 9999") from error
    return f"{whole.isoformat()}{_fraction(nanos)}Z"


def _any(body: bytes) -> object:
    raws = dict(scan(body))
    type_url = str(scalar("string", raws.get(1, b"")))
    return any_to_json(type_url, _delimited(raws.get(2, b""))) if type_url else {}


def _only_field(cls: type[Message]) -> Callable[[bytes], object]:
    """Struct and ListValue are their one field; so is a wrapper, whose absent field means its type's default."""
    meta = FieldMetadata.get(dataclasses.fields(cls)[0])  # type: ignore[arg-type]  # generated messages are dataclasses
    empty: list[Raw] = [] if meta.repeated or meta.map_meta is not None else [_default(meta.proto_type)]

    def convert(body: bytes) -> object:
        fields = _fields(cls)
        return fields[1].join(dict(_occurrences(fields, body)).get(1, empty))

    return convert


def _value(body: bytes) -> object:
    """google.protobuf.Value: whatever its one member is. Without any it is as good as null."""
    fields = _fields(protobuf.Value)
    return next((fields[number].join(raws) for number, raws in _occurrences(fields, body)), None)


_SPECIAL: Mapping[type[Message], Callable[[bytes], object]] = MappingProxyType(
    {
        protobuf.Any: _any,
        protobuf.Duration: _duration,
        protobuf.Timestamp: _timestamp,
        protobuf.Value: _value,
        **{
            cls: _only_field(cls)
            for cls in (
                protobuf.Struct,
                protobuf.ListValue,
                protobuf.BoolValue,
                protobuf.BytesValue,
                protobuf.DoubleValue,
                protobuf.FloatValue,
                protobuf.Int32Value,
                protobuf.Int64Value,
                protobuf.StringValue,
                protobuf.UInt32Value,
                protobuf.UInt64Value,
            )
        },
    }
)
"""Message types with a JSON form of their own."""
