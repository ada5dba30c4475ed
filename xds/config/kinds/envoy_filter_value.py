"""The value of an EnvoyFilter's patch: JSON of an Envoy message, and from here on its bytes."""

from __future__ import annotations

from betterproto2 import Message

from xds.config.reader import Reader
from xds.model.envoy_filters import MESSAGES, ApplyTo, PatchOperation
from xds.wire.fields import fields_by_name
from xds.wire.fromjson import from_json
from xds.wire.json_scalars import JsonError
from xds.wire.registry import message_class
from xds.wire.rules import broken_rule
from xds.wire.scan import scan


def decode_value(patch: Reader, target: ApplyTo, operation: PatchOperation) -> tuple[bytes, str]:
    """The encoded message, and the name in it; both empty if it has an error, which is reported at its field.

    What is not merged into anything has to be complete.
    """
    cls = message_class(MESSAGES[target])
    try:
        body = from_json(cls, patch.raw_value("value"))
    except JsonError as error:
        patch.error(("value", *error.path), error.reason)
        return b"", ""
    if not operation.is_merge and (broken := broken_rule(cls, body)):
        patch.error(("value", *broken.path), broken.reason)
        return b"", ""
    return body, _name(cls, body)


def _name(cls: type[Message], body: bytes) -> str:
    field = fields_by_name(cls).get("name")
    name = dict(scan(body)).get(field.number, b"") if field is not None else b""
    return name.decode() if isinstance(name, bytes) else ""
