"""Every message class of envoy-data-plane, and seeded random instances of each, made from the library's metadata."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import random
import struct
import typing
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from functools import cache

import betterproto2
import envoy_data_plane
from betterproto2 import FieldMetadata, Message
from envoy_data_plane.google import protobuf
from envoy_data_plane.message_pool import default_message_pool

from xds.wire.encode import pack_any

_INTEGERS = {
    "int32": (-(2**31), 2**31),
    "int64": (-(2**63), 2**63),
    "uint32": (0, 2**32),
    "uint64": (0, 2**64),
    "sint32": (-(2**31), 2**31),
    "sint64": (-(2**63), 2**63),
    "fixed32": (0, 2**32),
    "fixed64": (0, 2**64),
    "sfixed32": (-(2**31), 2**31),
    "sfixed64": (-(2**63), 2**63),
}
_WRAPPED = {
    "BoolValue": "bool",
    "BytesValue": "bytes",
    "DoubleValue": "double",
    "FloatValue": "float",
    "Int32Value": "int32",
    "Int64Value": "int64",
    "StringValue": "string",
    "UInt32Value": "uint32",
    "UInt64Value": "uint64",
}
_STRINGS = ("", "x", "outbound|9080||reviews.default.svc.cluster.local", "ünï ⛵", "l" * 200)
_MAX_DEPTH = 3
_UNKNOWN_ENUM_VALUE = 4711


@cache
def message_classes() -> tuple[type[Message], ...]:
    """All message classes that the package has, by full name."""
    for module in pkgutil.walk_packages(envoy_data_plane.__path__, "envoy_data_plane."):
        importlib.import_module(module.name)
    return tuple(cls for _, cls in sorted(default_message_pool.url_to_type.items()))


@cache
def field_types(cls: type[Message]) -> dict[str, tuple[FieldMetadata, tuple[type, ...]]]:
    """Field name -> metadata and element types: of ``X | None``, list[X], dict[K, V] or X."""
    hints = typing.get_type_hints(cls)
    return {
        field.name: (FieldMetadata.get(field), typing.get_args(hints[field.name]) or (hints[field.name],))
        for field in dataclasses.fields(cls)  # type: ignore[arg-type]  # generated messages are dataclasses
    }


@cache
def oneofs(cls: type[Message]) -> dict[str, tuple[str, ...]]:
    """Oneof -> names of its members."""
    members: defaultdict[str, list[str]] = defaultdict(list)
    for name, (meta, _) in field_types(cls).items():
        if meta.group:
            members[meta.group].append(name)
    return {group: tuple(names) for group, names in members.items()}


class Instances:
    """Random messages with at most ``entries`` entries in a map.

    Durations are not negative and numbers are finite: ``bytes()`` gets some of the others wrong.
    """

    def __init__(self, source: random.Random, entries: int = 2) -> None:
        self._random = source
        self._entries = entries

    def full(self, cls: type[Message]) -> list[Message]:
        """Messages with every field set, as many as it takes to set every member of every oneof once."""
        count = max(map(len, oneofs(cls).values()), default=1)
        return [self._message(cls, self._full_fields(cls, turn), depth=1) for turn in range(count)]

    def sparse(self, cls: type[Message], depth: int = 0) -> Message:
        """A message with some of its fields set, fewer the deeper it is."""
        share = 0.0 if depth >= _MAX_DEPTH else 0.6 / (1 + 2 * depth)
        taken = {self._random.choice(members) for members in oneofs(cls).values()}
        names = [
            name
            for name, (meta, _) in field_types(cls).items()
            if (not meta.group or name in taken) and self._random.random() < share
        ]
        return self._message(cls, names, depth + 1)

    @staticmethod
    def _full_fields(cls: type[Message], turn: int) -> list[str]:
        taken = {members[turn % len(members)] for members in oneofs(cls).values()}
        return [name for name, (meta, _) in field_types(cls).items() if not meta.group or name in taken]

    def _message(self, cls: type[Message], names: list[str], depth: int) -> Message:
        if cls is protobuf.Any:
            return pack_any(protobuf.StringValue(value=self._random.choice(_STRINGS)))
        return cls(**{name: self._field(*field_types(cls)[name], depth) for name in names})

    def _field(self, meta: FieldMetadata, types: tuple[type, ...], depth: int) -> object:
        count = self._random.randint(1, 2)
        if meta.map_meta is not None:
            key, value = meta.map_meta
            entries = range(self._entries)
            return {self._value(key, types[0], depth): self._value(value, types[1], depth) for _ in entries}
        if meta.repeated:
            return [self._value(meta, types[0], depth) for _ in range(count)]
        return self._value(meta, types[0], depth)

    def _value(self, meta: FieldMetadata, element: type, depth: int) -> object:
        if meta.proto_type == "enum":
            assert issubclass(element, betterproto2.Enum)
            return self._random.choice([*element, element(_UNKNOWN_ENUM_VALUE)])
        if meta.proto_type != "message":
            return self._scalar(meta.proto_type)
        return self._wrapped(meta.unwrap().__name__) if meta.unwrap else self.sparse(element, depth)

    def _wrapped(self, name: str) -> object:
        if name == "Duration":
            return timedelta(microseconds=self._random.choice((0, 1, 1_500_000, self._random.randrange(2**40))))
        if name == "Timestamp":
            return datetime.fromtimestamp(self._random.randint(-(2**33), 2**33), UTC).replace(microsecond=250_000)
        return self._scalar(_WRAPPED[name])

    def _scalar(self, proto_type: str) -> object:
        if proto_type in _INTEGERS:
            low, high = _INTEGERS[proto_type]
            return self._random.choice(
                (0, 1, 127, 128, 16_383, 16_384, low, high - 1, self._random.randrange(low, high))
            )
        if proto_type == "bool":
            return self._random.random() < 0.5
        if proto_type == "string":
            return self._random.choice(_STRINGS)
        if proto_type == "bytes":
            return self._random.randbytes(self._random.choice((0, 1, 150)))
        number = self._random.choice((0.0, 1.0, -0.1, self._random.uniform(-1e6, 1e6)))
        single: float = struct.unpack("<f", struct.pack("<f", number))[0]
        return single if proto_type == "float" else number
