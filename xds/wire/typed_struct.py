"""``TypedStruct``: the configuration of an extension whose message envoy-data-plane does not have, as plain JSON.

Envoy knows the same message under two names, of xDS and of the older UDPA. Source: ``xds/type/v3/typed_struct.proto``.
"""

from __future__ import annotations

from dataclasses import dataclass

import betterproto2
from envoy_data_plane.google.protobuf import Struct

TYPED_STRUCTS = frozenset({"xds.type.v3.TypedStruct", "udpa.type.v1.TypedStruct"})
"""Its full names."""


@dataclass(eq=False, repr=False)
class TypedStruct(betterproto2.Message):
    """type_url: of the message that ``value`` is the JSON form of."""

    type_url: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    value: Struct | None = betterproto2.field(2, betterproto2.TYPE_MESSAGE, optional=True)  # noqa: RUF009 - the same
