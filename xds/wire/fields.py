"""What the fields of a message class are: the schema that reading JSON and merging go by."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from keyword import iskeyword

from betterproto2 import Enum, FieldMetadata, Message


@dataclass(frozen=True, slots=True)
class Field:
    """One field.

    name: as in the ``.proto`` file. proto_type: a scalar's, ``enum`` or ``message``; of a map, that of its values.
    message, enum: the class of the element, if it is one; well-known types are their own messages here. key: the
    protobuf type of a map's keys. explicit: whether a default that was written differs from nothing.
    """

    number: int
    name: str
    proto_type: str
    repeated: bool = False
    explicit: bool = False
    oneof: str | None = None
    key: str | None = None
    message: type[Message] | None = None
    enum: type[Enum] | None = None

    @property
    def is_map(self) -> bool:
        return self.key is not None

    @property
    def json_name(self) -> str:
        """``lowerCamelCase``, as protobuf makes it of the name."""
        first, *rest = self.name.split("_")
        return first + "".join(part[:1].upper() + part[1:] for part in rest)


@cache
def fields_of(cls: type[Message]) -> Mapping[int, Field]:
    """The fields by number, in the order of these."""
    hints = typing.get_type_hints(cls)
    found = (_field(field, hints[field.name]) for field in dataclasses.fields(cls))  # type: ignore[arg-type]  # generated messages are dataclasses
    return {field.number: field for field in sorted(found, key=lambda field: field.number)}


@cache
def fields_by_name(cls: type[Message]) -> Mapping[str, Field]:
    """The fields by each of the names that JSON may use: the one in the ``.proto`` file, and lowerCamelCase."""
    fields = fields_of(cls).values()
    return {**{field.name: field for field in fields}, **{field.json_name: field for field in fields}}


def _field(field: dataclasses.Field[object], hint: object) -> Field:
    meta = FieldMetadata.get(field)
    arguments = typing.get_args(hint) or (hint,)
    key, element, element_type = None, meta, arguments[0]
    if meta.map_meta is not None:
        key, element, element_type = meta.map_meta[0].proto_type, meta.map_meta[1], arguments[1]
    is_message, is_enum = element.proto_type == "message", element.proto_type == "enum"
    return Field(
        number=meta.number,
        name=proto_name(field.name),
        proto_type=element.proto_type,
        repeated=bool(meta.repeated) and key is None,
        explicit=is_message or bool(meta.optional) or meta.group is not None,
        oneof=meta.group,
        key=key,
        message=(element.unwrap() if element.unwrap is not None else element_type) if is_message else None,
        enum=element_type if is_enum else None,
    )


def proto_name(attribute: str) -> str:
    """The library appends an underscore to a field name that is a Python keyword."""
    name = attribute.removesuffix("_")
    return name if iskeyword(name) else attribute
