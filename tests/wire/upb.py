"""The same messages in Google's own runtime: schemas made from envoy-data-plane's metadata, as an independent judge.

Well-known types come from the runtime itself, so that its JSON printer treats them as such. All other messages stand
in one file, under flat names: packages that refer to each other in a circle could not be files of their own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import betterproto2
from betterproto2 import FieldMetadata, Message
from google.protobuf import any_pb2, duration_pb2, empty_pb2, struct_pb2, timestamp_pb2, wrappers_pb2
from google.protobuf import message as runtime
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from xds.wire.registry import TYPE_URL_PREFIX, type_url

from .catalogue import field_types, oneofs

_WELL_KNOWN: Final = (any_pb2, duration_pb2, empty_pb2, struct_pb2, timestamp_pb2, wrappers_pb2)


class Schemas:
    """Message classes of Google's runtime, for classes of envoy-data-plane."""

    def __init__(self, classes: Iterable[type[Message]]) -> None:
        self.pool = DescriptorPool()
        self._known: set[str] = set()
        for module in _WELL_KNOWN:
            self.pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
            self._known.update(message.full_name for message in module.DESCRIPTOR.message_types_by_name.values())
        self._file = FileDescriptorProto(name="all.proto", package="all", syntax="proto3")
        self._file.dependency.extend(module.DESCRIPTOR.name for module in _WELL_KNOWN)
        self._enums: dict[type[betterproto2.Enum], str] = {}
        for cls in classes:
            if self._full_name(cls) not in self._known:
                self._add_message(cls)
        self.pool.Add(self._file)

    def message_class(self, cls: type[Message]) -> type[runtime.Message]:
        """The runtime's class for a class of envoy-data-plane."""
        return GetMessageClass(self.pool.FindMessageTypeByName(self._reference(cls)))

    @staticmethod
    def _full_name(cls: type[Message]) -> str:
        return type_url(cls).removeprefix(TYPE_URL_PREFIX)

    def _reference(self, cls: type[Message]) -> str:
        name = self._full_name(cls)
        return name if name in self._known else f"all.{name.replace('.', '_')}"

    def _add_message(self, cls: type[Message]) -> None:
        message = self._file.message_type.add(name=self._reference(cls).removeprefix("all."))
        groups = [group for group, members in oneofs(cls).items() if members]
        for group in groups:
            message.oneof_decl.add(name=group)
        for name, (meta, types) in field_types(cls).items():
            field = message.field.add(name=name.removesuffix("_"), number=meta.number)
            if meta.group:
                field.oneof_index = groups.index(meta.group)
            if meta.map_meta is not None:
                self._make_map(message, field, meta.map_meta, types)
            else:
                self._set_type(field, meta, types[0])
                field.label = field.LABEL_REPEATED if meta.repeated else field.LABEL_OPTIONAL

    def _make_map(
        self,
        message: DescriptorProto,
        field: FieldDescriptorProto,
        metas: tuple[FieldMetadata, FieldMetadata],
        types: tuple[type, ...],
    ) -> None:
        entry = message.nested_type.add(name="".join(map(str.capitalize, field.name.split("_"))) + "Entry")
        entry.options.map_entry = True
        for name, meta, element in zip(("key", "value"), metas, types, strict=True):
            part = entry.field.add(name=name, number=meta.number, label=FieldDescriptorProto.LABEL_OPTIONAL)
            self._set_type(part, meta, element)
        field.label, field.type = field.LABEL_REPEATED, field.TYPE_MESSAGE
        field.type_name = f".all.{message.name}.{entry.name}"

    def _set_type(self, field: FieldDescriptorProto, meta: FieldMetadata, element: type) -> None:
        field.type = FieldDescriptorProto.Type.Value(f"TYPE_{meta.proto_type.upper()}")
        if meta.proto_type == "message":
            field.type_name = "." + self._reference(meta.unwrap() if meta.unwrap else element)
        elif meta.proto_type == "enum":
            field.type_name = "." + self._enum(element)

    def _enum(self, enum: type[betterproto2.Enum]) -> str:
        if enum.__name__ == "NullValue":
            return "google.protobuf.NullValue"
        if enum not in self._enums:
            scope = self._file.message_type.add(name=f"Scope{len(self._enums)}")
            scope.enum_type.append(_enum_descriptor(enum))
            self._enums[enum] = f"all.{scope.name}.Enum"
        return self._enums[enum]


def _enum_descriptor(enum: type[betterproto2.Enum]) -> EnumDescriptorProto:
    """proto3 wants the first value to be zero; some enums of descriptor.proto, which is proto2, have none."""
    descriptor = EnumDescriptorProto(name="Enum")
    names = {0: "ZERO"} | {member.value: member.proto_name or member.name for member in enum}
    for number, name in names.items():
        descriptor.value.add(number=number, name=name)
    return descriptor
