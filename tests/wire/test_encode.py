"""The encoder, case by case: presence, order, numbers at their limits, well-known types, and values that do not fit."""

from __future__ import annotations

import math
import struct
from datetime import UTC, datetime, timedelta, timezone
from random import Random

import betterproto2
import pytest
from envoy_data_plane.envoy.admin.v3 import UpdateFailureState
from envoy_data_plane.envoy.config.accesslog.v3 import AccessLog
from envoy_data_plane.envoy.config.cluster import v3 as cluster
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.endpoint import v3 as endpoint
from envoy_data_plane.envoy.extensions.filters.http.router.v3 import Router
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager import v3 as hcm
from envoy_data_plane.google import protobuf
from google.protobuf import duration_pb2, timestamp_pb2
from hypothesis import given, settings
from hypothesis import strategies as st

from xds.wire.encode import EncodeError, encode, pack_any
from xds.wire.registry import UnknownTypeError
from xds.wire.scan import scan

from .sample import Colour, Sample

_FOREVER = timedelta(seconds=315_576_000_000)


def _with(name: str, value: object) -> Sample:
    message = Sample()
    setattr(message, name, value)
    return message


@pytest.mark.parametrize(
    ("name", "value", "body"),
    [
        ("flag", True, "0801"),
        ("number", 300, "10ac02"),
        ("number", -1, "10ffffffffffffffffff01"),
        ("number", -(2**31), "1080808080f8ffffffff01"),
        ("text", "é", "1a02c3a9"),
        ("big", 2**64 - 1, "20ffffffffffffffffff01"),
        ("zigzag", -1, "2801"),
        ("zigzag", 2**63 - 1, "28feffffffffffffffff01"),
        ("zigzag", -(2**63), "28ffffffffffffffffff01"),
        ("single", 0.5, "350000003f"),
        ("double", math.inf, "39000000000000f07f"),
        ("colour", Colour.INFRARED, "40ffffffffffffffffff01"),
        ("colour", Colour(77), "404d"),
        ("blob", b"\x00", "4a0100"),
        ("numbers", [0, -1, 1], "5a03000102"),
        ("words", ["", "a"], "6200620161"),
        ("colours", [Colour.BLUE, Colour.INFRARED], "6a0b01ffffffffffffffffff01"),
        ("fixed", -1, "a101ffffffffffffffff"),
    ],
)
def test_values_on_the_wire(name: str, value: object, body: str) -> None:
    assert encode(_with(name, value)).hex() == body


def test_nothing_set_is_nothing_written() -> None:
    assert encode(Sample()) == b""


@pytest.mark.parametrize(
    ("name", "value", "body"),
    [("maybe", 0, "5000"), ("left", 0, "880100"), ("right", "", "920100"), ("weight", 0.0, "9a0100")],
)
def test_explicit_presence_writes_defaults(name: str, value: object, body: str) -> None:
    assert encode(_with(name, value)).hex() == body


def test_set_but_empty_messages_are_written() -> None:
    assert encode(Sample(children=[Sample(), Sample()], child=Sample())).hex() == "7a007a00820100"


@pytest.mark.parametrize("name", ["single", "double", "weight"])
def test_negative_zero_is_written(name: str) -> None:
    """The library's bytes() compares values, takes -0.0 for the default and loses the sign."""
    body = encode(_with(name, -0.0))
    assert math.copysign(1, getattr(Sample.parse(body), name)) == -1
    assert bytes(_with(name, -0.0)) != body


def test_nan_is_written() -> None:
    assert encode(_with("double", math.nan)) == b"\x39" + struct.pack("<d", math.nan)


def test_fields_are_in_the_order_of_their_numbers() -> None:
    message = Sample(text="x", flag=True, number=1, numbers=[1], words=["x"], child=Sample(), left=1, fixed=1)
    assert [number for number, _ in scan(encode(message))] == [1, 2, 3, 11, 12, 16, 17, 20]


def test_map_entries_are_in_the_order_of_their_keys_and_complete() -> None:
    entries = {5: "", -3: "b", 0: "a"}
    assert encode(Sample(names=entries)) == encode(Sample(names=dict(reversed(entries.items()))))
    assert encode(Sample(names={5: "", 0: "a"})).hex() == "7205080012016172" + "0408051200"


@given(st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=6), st.randoms(use_true_random=False))
@settings(max_examples=50, derandomize=True, deadline=None)
def test_equal_maps_give_equal_bytes(entries: dict[str, str], source: Random) -> None:
    order = list(entries.items())
    source.shuffle(order)
    first = core.Metadata(filter_metadata={key: _struct(value) for key, value in entries.items()})
    second = core.Metadata(filter_metadata={key: _struct(value) for key, value in order})
    assert encode(first) == encode(second)
    assert core.Metadata.parse(encode(first)) == first


def _struct(text: str) -> protobuf.Struct:
    return protobuf.Struct(fields={"text": protobuf.Value(string_value=text)})


def test_unknown_fields_are_kept() -> None:
    body = encode(Sample(text="x")) + b"\xf8\x3f\x07"
    assert encode(Sample.parse(body)) == body


@given(st.timedeltas(min_value=-_FOREVER, max_value=_FOREVER))
@settings(max_examples=300, derandomize=True, deadline=None)
def test_durations_are_exact(value: timedelta) -> None:
    """The library's bytes() turns -0.5 s into +0.5 s, and rounds whole seconds of durations of centuries."""
    judged = duration_pb2.Duration()
    judged.FromTimedelta(value)
    (_, body), *_ = scan(encode(cluster.Cluster(connect_timeout=value)))
    assert body == judged.SerializeToString()


def test_the_library_gets_negative_durations_wrong() -> None:
    message = cluster.Cluster(connect_timeout=timedelta(seconds=-0.5))
    assert cluster.Cluster.parse(encode(message)) == message
    assert cluster.Cluster.parse(bytes(message)) != message


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-7)), timezone(timedelta(hours=5.5))])))
@settings(max_examples=100, derandomize=True, deadline=None)
def test_timestamps_are_exact(value: datetime) -> None:
    judged = timestamp_pb2.Timestamp()
    judged.FromDatetime(value)
    ((_, body), *_) = scan(encode(UpdateFailureState(last_update_attempt=value)))
    assert body == judged.SerializeToString()


def test_wrappers_and_durations_inside_real_messages() -> None:
    lb_endpoint = endpoint.LbEndpoint(load_balancing_weight=0)
    assert encode(lb_endpoint).hex() == "2200"
    assert encode(cluster.Cluster(connect_timeout=timedelta(0))).hex() == "2200"


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("text", 7, "expected str, got int"),
        ("text", b"x", "expected str, got bytes"),
        ("text", "\ud800", "surrogates not allowed"),
        ("flag", 1, "expected bool, got int"),
        ("number", 2**31, "not a signed 32-bit integer"),
        ("number", 1.5, ""),
        ("number", "1", ""),
        ("big", -1, "not an unsigned 64-bit integer"),
        ("single", "0.5", ""),
        ("single", 1e39, ""),
        ("colour", "BLUE", ""),
        ("blob", "x", "expected bytes, got str"),
        ("words", "word", "expected list, got str"),
        ("words", ["x", None], "expected str, got NoneType"),
        ("numbers", [1, "2"], ""),
        ("names", {"1": "x"}, ""),
        ("names", [1], ""),
        ("child", {"text": "x"}, "expected Sample, got dict"),
        ("children", [protobuf.Empty()], "expected Sample, got Empty"),
        ("weight", "1", ""),
        ("fixed", 2**63, ""),
    ],
)
def test_what_has_no_encoding_names_class_and_field(name: str, value: object, reason: str) -> None:
    with pytest.raises(EncodeError, match=rf"^Sample\.{name}: .*{reason}"):
        encode(_with(name, value))


def test_an_error_deep_inside_names_the_innermost_field() -> None:
    address = core.SocketAddress(address="10.0.0.1", port_value=80)
    message = endpoint.Endpoint(address=core.Address(socket_address=address))
    address.port_value = -1
    with pytest.raises(EncodeError, match=r"^SocketAddress\.port_value: -1 is not an unsigned 32-bit integer$"):
        encode(message)


def test_two_members_of_a_oneof_are_an_error() -> None:
    with pytest.raises(EncodeError, match=r"^Sample\.right: another member of oneof side is set as well$"):
        encode(Sample(left=1, right="x"))


@pytest.mark.parametrize("value", ["1s", datetime(2026, 1, 1, tzinfo=UTC)])
def test_a_duration_has_to_be_a_timedelta(value: object) -> None:
    message = cluster.Cluster()
    message.connect_timeout = value  # type: ignore[assignment]  # the mistake under test
    with pytest.raises(EncodeError, match=r"^Cluster\.connect_timeout: expected timedelta, got"):
        encode(message)


@pytest.mark.parametrize("value", [datetime(2026, 1, 1), timedelta(1)])
def test_a_timestamp_has_to_have_a_time_zone(value: object) -> None:
    message = UpdateFailureState()
    message.last_update_attempt = value  # type: ignore[assignment]  # the mistake under test
    with pytest.raises(EncodeError, match=r"^UpdateFailureState\.last_update_attempt: "):
        encode(message)


def test_encoding_validates_nothing_again(monkeypatch: pytest.MonkeyPatch) -> None:
    message = hcm.HttpConnectionManager(stat_prefix="x", access_log=[AccessLog(name="a")])
    body = encode(message)

    def refuse(_: betterproto2.Message) -> None:
        pytest.fail("encoding ran the library's validation")

    monkeypatch.setattr(betterproto2.Message, "_validate", refuse)
    assert encode(message) == body


def test_pack_any_has_type_and_body() -> None:
    router = Router(suppress_envoy_headers=True)
    packed = pack_any(router)
    assert packed.type_url == "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
    assert packed.value == encode(router)
    assert packed.unpack() == router


def test_pack_any_refuses_classes_of_others() -> None:
    with pytest.raises(UnknownTypeError, match="Sample is not a message of envoy-data-plane"):
        pack_any(Sample())
