"""Envoy-data-plane messages to protobuf bytes, fast and deterministic.

The library's ``bytes()`` builds a pydantic validator and every field's default anew on each call. Here the fields of a
message class are compiled once into writers, and a message is encoded by walking its ``__dict__`` in the order of
field numbers. Nothing is validated again: a message is valid by construction, and what was assigned afterwards fails
here only if it has no encoding.

Output is canonical: fields by number, map entries by key, unknown fields last, so equal messages give equal bytes.
Where the library's bytes are wrong, these are right: negative and very long durations (it loses sign or seconds), and
-0.0 (it drops it).
"""

from __future__ import annotations

import dataclasses
import struct
import typing
from collections.abc import Callable, Iterator
from functools import cache
from operator import itemgetter

from betterproto2 import FieldMetadata, Message
from envoy_data_plane.google.protobuf import Any as AnyMessage

from xds.wire.registry import type_url
from xds.wire.scalars import LENGTH_DELIMITED, PACKED, SCALARS, Encoder, tag, varint
from xds.wire.wellknown import WRAPPED, implicit

_Field = tuple[str, bool, str | None, Encoder]
"""Attribute name; whether presence is explicit (only None is absent) or a false value means absent; oneof; writer."""

_INVALID = (TypeError, ValueError, AttributeError, KeyError, OverflowError, struct.error)


class EncodeError(ValueError):
    """A field holds a value that its protobuf type cannot. The text names class, field and reason."""


def encode(message: Message) -> bytes:
    """The canonical protobuf encoding of ``message``.

    Raises EncodeError if a field was assigned a value that has no encoding, or two members of one oneof are set.
    """
    return _encoder(type(message))(message)


def pack_any(message: Message) -> AnyMessage:
    """``message`` inside a google.protobuf.Any of envoy-data-plane.

    Raises EncodeError as ``encode`` does, and UnknownTypeError for a class that envoy-data-plane does not have.
    """
    return AnyMessage(type_url=type_url(type(message)), value=encode(message))


@cache
def _encoder(cls: type[Message]) -> Callable[[Message], bytes]:
    fields = tuple(_compile(cls))

    def encode_message(message: Message) -> bytes:
        values = message.__dict__
        parts: list[bytes] = []
        oneofs: tuple[str, ...] = ()
        name = "?"
        try:
            for name, explicit, oneof, write in fields:
                value = values[name]
                if value is None or not (explicit or value):
                    continue
                if oneof is not None:
                    if oneof in oneofs:
                        raise ValueError(f"another member of oneof {oneof} is set as well")
                    oneofs += (oneof,)
                parts.append(write(value))
        except EncodeError:
            raise
        except _INVALID as error:
            raise EncodeError(f"{cls.__name__}.{name}: {error}") from error
        parts.append(values["_unknown_fields"])
        return b"".join(parts)

    return encode_message


def _compile(cls: type[Message]) -> Iterator[_Field]:
    """The fields of a message class in the order of their numbers."""
    hints = typing.get_type_hints(cls)
    metas = {field.name: FieldMetadata.get(field) for field in dataclasses.fields(cls)}  # type: ignore[arg-type]  # generated messages are dataclasses
    for name, meta in sorted(metas.items(), key=lambda item: item[1].number):
        arguments = typing.get_args(hints[name])
        explicit = meta.proto_type in ("message", "float", "double") or bool(meta.optional)
        yield name, explicit and not meta.repeated, meta.group, _field_writer(meta, arguments)


def _field_writer(meta: FieldMetadata, arguments: tuple[type, ...]) -> Encoder:
    """Writer of a whole field. ``arguments`` are those of its type hint: of ``X | None``, list[X] or dict[K, V]."""
    if meta.map_meta is not None:
        return _map_writer(meta.number, meta.map_meta, arguments[1])
    if meta.repeated:
        if meta.proto_type in PACKED:
            return _packed_writer(meta.number, SCALARS[meta.proto_type][1])
        return _repeated_writer(_item_writer(meta, arguments))
    if meta.proto_type in ("float", "double") and not meta.optional:
        return implicit(meta.number, meta.proto_type, 0.0)
    return _item_writer(meta, arguments)


def _item_writer(meta: FieldMetadata, arguments: tuple[type, ...]) -> Encoder:
    """Writer of one value with its tag, default or not."""
    if meta.proto_type != "message":
        wire_type, encode_scalar = SCALARS[meta.proto_type]
        return _prefixed(tag(meta.number, wire_type), encode_scalar)
    key = tag(meta.number, LENGTH_DELIMITED)
    if meta.unwrap is not None:
        return _delimited(key, WRAPPED[meta.unwrap().__name__])
    return _message_writer(key, arguments[0])


def _prefixed(key: bytes, encode_value: Encoder) -> Encoder:
    def write(value: object) -> bytes:
        return key + encode_value(value)

    return write


def _delimited(key: bytes, encode_body: Encoder) -> Encoder:
    def write(value: object) -> bytes:
        body = encode_body(value)
        return key + varint(len(body)) + body

    return write


def _message_writer(key: bytes, cls: type[Message]) -> Encoder:
    """The encoder of ``cls`` is looked up when first used: message types are recursive."""

    def write(value: Message) -> bytes:
        if not isinstance(value, cls):
            raise TypeError(f"expected {cls.__name__}, got {type(value).__name__}")
        body = _encoder(cls)(value)
        return key + varint(len(body)) + body

    return write


def _sequence(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError(f"expected list, got {type(value).__name__}")
    return value


def _repeated_writer(write_item: Encoder) -> Encoder:
    def write(value: object) -> bytes:
        return b"".join([write_item(item) for item in _sequence(value)])

    return write


def _packed_writer(number: int, encode_item: Encoder) -> Encoder:
    def body(value: object) -> bytes:
        return b"".join([encode_item(item) for item in _sequence(value)])

    return _delimited(tag(number, LENGTH_DELIMITED), body)


def _map_writer(number: int, metas: tuple[FieldMetadata, FieldMetadata], value_type: type) -> Encoder:
    """Every entry carries key and value, even defaults, as protobuf's own encoders write it."""
    key_meta, value_meta = metas
    write_key, write_value = _item_writer(key_meta, ()), _item_writer(value_meta, (value_type,))

    def entry(item: tuple[object, object]) -> bytes:
        return write_key(item[0]) + write_value(item[1])

    write_entry = _delimited(tag(number, LENGTH_DELIMITED), entry)

    def write(value: dict[object, object]) -> bytes:
        return b"".join([write_entry(item) for item in sorted(value.items(), key=itemgetter(0))])

    return write
