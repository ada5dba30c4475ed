"""A message class with one field of each shape, for cases that no Envoy message offers all at once."""

# ruff: noqa: RUF009 - betterproto2.field() is dataclasses.field() under another name

from __future__ import annotations

import dataclasses

import betterproto2
from envoy_data_plane.google import protobuf


class Colour(betterproto2.Enum):
    RED = 0
    BLUE = 1
    INFRARED = -1


@dataclasses.dataclass(eq=False, repr=False)
class Sample(betterproto2.Message):
    """One field of each shape that matters here; declared out of the order of the numbers."""

    text: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    flag: bool = betterproto2.field(1, betterproto2.TYPE_BOOL)
    number: int = betterproto2.field(2, betterproto2.TYPE_INT32)
    big: int = betterproto2.field(4, betterproto2.TYPE_UINT64)
    zigzag: int = betterproto2.field(5, betterproto2.TYPE_SINT64)
    single: float = betterproto2.field(6, betterproto2.TYPE_FLOAT)
    double: float = betterproto2.field(7, betterproto2.TYPE_DOUBLE)
    colour: Colour = betterproto2.field(8, betterproto2.TYPE_ENUM, default_factory=lambda: Colour.RED)
    blob: bytes = betterproto2.field(9, betterproto2.TYPE_BYTES)
    maybe: int | None = betterproto2.field(10, betterproto2.TYPE_UINT32, optional=True)
    numbers: list[int] = betterproto2.field(11, betterproto2.TYPE_SINT32, repeated=True)
    words: list[str] = betterproto2.field(12, betterproto2.TYPE_STRING, repeated=True)
    colours: list[Colour] = betterproto2.field(13, betterproto2.TYPE_ENUM, repeated=True)
    names: dict[int, str] = betterproto2.field(
        14,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_INT64, betterproto2.TYPE_STRING),
    )
    children: list[Sample] = betterproto2.field(15, betterproto2.TYPE_MESSAGE, repeated=True)
    child: Sample | None = betterproto2.field(16, betterproto2.TYPE_MESSAGE, optional=True)
    left: int | None = betterproto2.field(17, betterproto2.TYPE_UINT32, optional=True, group="side")
    right: str | None = betterproto2.field(18, betterproto2.TYPE_STRING, optional=True, group="side")
    weight: float | None = betterproto2.field(
        19, betterproto2.TYPE_MESSAGE, unwrap=lambda: protobuf.FloatValue, optional=True
    )
    fixed: int = betterproto2.field(20, betterproto2.TYPE_SFIXED64)
