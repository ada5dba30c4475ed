"""The names that Istio's tools and users' EnvoyFilters rely on."""

from __future__ import annotations

import pytest

from tests.translators.kit import meta
from translators import names


def test_clusters() -> None:
    assert names.outbound_cluster(80, "a.b") == "outbound|80||a.b"
    assert names.outbound_cluster(80, "a.b", "v1") == "outbound|80|v1|a.b"
    assert names.inbound_cluster(8080) == "inbound|8080||"
    assert names.outbound_sni(80, "a.b", "v1") == "outbound_.80_.v1_.a.b"


def test_listeners_and_routes() -> None:
    assert names.outbound_listener(80) == "0.0.0.0_80"
    assert names.outbound_listener(80, "10.0.0.1") == "10.0.0.1_80"
    assert names.outbound_route(80) == "80"
    assert names.outbound_route(80, "a.b") == "a.b:80"
    assert names.virtual_host("a.b", 80) == "a.b:80"
    assert names.inbound_virtual_host(8080) == "inbound|http|8080"
    assert names.gateway_http_route(80) == "http.80"
    assert names.gateway_https_route(443, "https", "gw", "istio-system") == "https.443.https.gw.istio-system"
    assert names.blackhole_virtual_host(80) == "blackhole:80"


@pytest.mark.parametrize(
    ("kind", "kebab"),
    [("DestinationRule", "destination-rule"), ("Sidecar", "sidecar"), ("HTTPRoute", "http-route")],
)
def test_config_reference(kind: str, kebab: str) -> None:
    assert names.config_reference(meta(kind, "x")) == f"/apis/networking.istio.io/v1/namespaces/default/{kebab}/x"
