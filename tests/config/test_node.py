"""Istio's node ids and metadata."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xds.config.node import parse_node
from xds.model.labels import Labels
from xds.model.proxy import CaptureMode, ProxyType
from xds.model.services import Locality

SIDECAR = "sidecar~10.1.2.3~reviews-v1-abc.default~default.svc.cluster.local"


def test_the_id_alone_is_enough() -> None:
    proxy = parse_node(SIDECAR, {})
    assert (proxy.type, proxy.name, proxy.namespace) == (ProxyType.SIDECAR, "reviews-v1-abc", "default")
    assert (proxy.ip_addresses, proxy.dns_domain) == (("10.1.2.3",), "default.svc.cluster.local")
    assert (proxy.id, str(proxy)) == (SIDECAR, "reviews-v1-abc.default")
    assert proxy.capture is CaptureMode.REDIRECT


def test_metadata() -> None:
    metadata = {
        "NAMESPACE": "prod",
        "LABELS": {"app": "reviews", "version": "v1"},
        "SERVICE_ACCOUNT": "bookinfo-reviews",
        "CLUSTER_ID": "Kubernetes",
        "NETWORK": "east",
        "INSTANCE_IPS": "10.1.2.3,fd00::1",
        "INTERCEPTION_MODE": "NONE",
        "ISTIO_VERSION": "1.24.0",
        "PLATFORM_METADATA": {"ignored": 1.0},
    }
    proxy = parse_node(SIDECAR, metadata, Locality("r", "z", "s"))
    assert (proxy.namespace, proxy.labels) == ("prod", Labels({"app": "reviews", "version": "v1"}))
    assert (proxy.service_account, proxy.cluster_id, proxy.network) == ("bookinfo-reviews", "Kubernetes", "east")
    assert proxy.ip_addresses == ("10.1.2.3", "fd00::1")
    assert (proxy.capture, proxy.version) == (CaptureMode.NONE, "1.24.0")
    assert proxy.locality == Locality("r", "z", "s")


def test_a_grpc_client_says_so_by_its_generator() -> None:
    assert parse_node(SIDECAR, {"GENERATOR": "grpc"}).proxyless
    assert not parse_node(SIDECAR, {}).proxyless


def test_a_proxy_may_ask_where_its_own_service_is() -> None:
    assert parse_node(SIDECAR, {"ENABLE_SELF_DISCOVERY": "true"}).self_discovery
    assert not parse_node(SIDECAR, {"ENABLE_SELF_DISCOVERY": "false"}).self_discovery


def test_an_agent_beside_it_has_to_be_said() -> None:
    assert parse_node(SIDECAR, {"SDS_FROM_AGENT": "true"}).sds_from_agent
    assert not parse_node(SIDECAR, {}).sds_from_agent


def test_a_gateway_is_a_router() -> None:
    assert parse_node("router~10.0.0.1~gw.istio-system~istio-system.svc.cluster.local", {}).type is ProxyType.ROUTER


def test_a_name_may_have_dots() -> None:
    proxy = parse_node("sidecar~::1~a.b.c.ns~", {})
    assert (proxy.name, proxy.namespace, proxy.dns_domain) == ("a.b.c", "ns", "ns.svc.cluster.local")


@pytest.mark.parametrize(
    ("node_id", "metadata", "told"),
    [
        ("my-envoy", {}, "type~ip~name.namespace"),
        ("waypoint~10.0.0.1~a.b~d", {}, "expected sidecar or router"),
        ("sidecar~~a.b~d", {}, "no IP address"),
        ("sidecar~localhost~a.b~d", {}, "'localhost' is not an IP address"),
        ("sidecar~10.0.0.1~a~d", {}, "no name.namespace"),
        (SIDECAR, {"LABELS": "app=reviews"}, "LABELS"),
        (SIDECAR, {"LABELS": {"app": 1.0}}, "LABELS"),
        (SIDECAR, {"INTERCEPTION_MODE": "EBPF"}, "INTERCEPTION_MODE"),
        (SIDECAR, {"NAMESPACE": 1.0}, "NAMESPACE"),
        (SIDECAR, {"INSTANCE_IPS": "10.0.0.1,nonsense"}, "'nonsense'"),
    ],
)
def test_what_cannot_be_told_is_explained(node_id: str, metadata: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        parse_node(node_id, metadata)


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.dictionaries(st.text(), inner)
)
KEYS = st.sampled_from(("NAMESPACE", "LABELS", "INSTANCE_IPS", "INTERCEPTION_MODE", "NETWORK"))


@given(st.text() | st.lists(st.text(), min_size=4, max_size=4).map("~".join), st.dictionaries(KEYS, VALUES))
def test_nothing_but_a_value_error(node_id: str, metadata: dict[str, object]) -> None:
    try:
        proxy = parse_node(node_id, metadata)
    except ValueError:
        return
    assert proxy.name
    assert proxy.ip_addresses
