"""The encoder on every message class that envoy-data-plane exports, none left out."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache

import pytest
from betterproto2 import Message
from envoy_data_plane.google import protobuf
from google.protobuf.json_format import MessageToDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xds.wire.encode import encode
from xds.wire.protojson import to_json
from xds.wire.registry import type_url

from .catalogue import Instances, field_types, message_classes
from .upb import Schemas

_SPARSE_PER_CLASS = 3
_NARROW_JSON = {protobuf.Duration, protobuf.Timestamp}
"""Most of their integers have no JSON form, so random ones have no place here; test_protojson has its own."""

pytestmark = pytest.mark.filterwarnings(
    # Setting every field includes setting the deprecated ones, which is what the library warns about.
    "ignore:.* is deprecated:DeprecationWarning"
)


@cache
def _schemas() -> Schemas:
    return Schemas(message_classes())


def _instances(cls: type[Message], entries: int = 2) -> Iterator[Message]:
    made = Instances(random.Random(type_url(cls)), entries)
    yield cls()
    yield from made.full(cls)
    for _ in range(_SPARSE_PER_CLASS):
        yield made.sparse(cls)


def _assert_round_trip(message: Message, body: bytes) -> None:
    decoded = type(message).parse(body)
    assert decoded == message, type(message)
    assert type(message).parse(bytes(message)) == decoded, type(message)


def _assert_canonical(message: Message, body: bytes) -> None:
    """Only for maps of one entry: the order that the runtime gives to more is deterministic, but not sorted."""
    judged = _schemas().message_class(type(message)).FromString(body)
    assert judged.SerializeToString(deterministic=True) == body, type(message)


def test_the_catalogue_is_the_whole_package() -> None:
    assert len(message_classes()) > 2000


def test_every_class_round_trips_and_agrees_with_the_library() -> None:
    for cls in message_classes():
        for message in _instances(cls):
            _assert_round_trip(message, encode(message))


def test_every_class_encodes_to_the_very_bytes_of_the_google_runtime() -> None:
    for cls in message_classes():
        for message in _instances(cls, entries=1):
            _assert_canonical(message, encode(message))


def test_every_field_of_every_class_is_written() -> None:
    for cls in message_classes():
        made = Instances(random.Random(type_url(cls)))
        set_fields = {
            name for message in made.full(cls) for name in field_types(cls) if getattr(message, name) is not None
        }
        assert set_fields == set(field_types(cls)), cls


def test_json_of_every_class_is_that_of_the_google_runtime() -> None:
    for cls in sorted(set(message_classes()) - _NARROW_JSON, key=type_url):
        for message in _instances(cls):
            body = encode(message)
            judged = _schemas().message_class(cls).FromString(body)
            expected = MessageToDict(judged, preserving_proto_field_name=True, descriptor_pool=_schemas().pool)
            found = to_json(type_url(cls), body)
            assert found == expected or found == {"@type": type_url(cls), "value": expected}, cls


@settings(max_examples=200, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_message_round_trips(data: st.DataObject) -> None:
    cls = data.draw(st.sampled_from(message_classes()))
    message = Instances(data.draw(st.randoms(use_true_random=False)), entries=1).sparse(cls)
    body = encode(message)
    _assert_round_trip(message, body)
    _assert_canonical(message, body)
    assert encode(type(message).parse(body)) == body
