"""Envoy itself accepts what is translated: broad examples for every kind of proxy, with routes inside the listeners."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.translators import kit, static
from xds.model.gateways import (
    Gateway,
    HostSelector,
    IstioEgressListener,
    IstioIngressListener,
    Port,
    Server,
    Sidecar,
    SidecarCaptureMode,
)
from xds.model.labels import Labels
from xds.model.mesh import Mesh
from xds.model.policy import ConsistentHashLB, HTTPCookie, LoadBalancerSettings, TrafficPolicy
from xds.model.proxy import CaptureMode, Proxy
from xds.model.routing import (
    CorsPolicy,
    Destination,
    FaultAbort,
    FaultDelay,
    HeaderOperations,
    Headers,
    HTTPDirectResponse,
    HTTPFaultInjection,
    HTTPMatchRequest,
    HTTPMirrorPolicy,
    HTTPRedirect,
    HTTPRetry,
    HTTPRewrite,
    HTTPRoute,
    HTTPRouteDestination,
    L4MatchAttributes,
    L4Route,
    MatchKind,
    RedirectPort,
    RouteDestination,
    StringMatch,
    VirtualService,
)
from xds.model.services import Protocol, ServiceInstance
from xds.model.settings import MeshSettings

SECOND = timedelta(seconds=1)
BOTH = ("mesh", "default/gw")
ALL = (HostSelector("*", "*"),)

REVIEWS = replace(
    kit.service(
        "reviews",
        kit.http(80),
        kit.port(8443, Protocol.HTTPS),
        kit.port(9000, Protocol.UNSUPPORTED),
        kit.port(9001, Protocol.GRPC),
        kit.port(3306, Protocol.MYSQL),
    ),
    addresses=("10.0.0.1", "2001:db8::1"),
)
HEADLESS = replace(
    kit.service("headless", kit.http(80), kit.port(80, Protocol.TCP), kit.port(9000, Protocol.UNSUPPORTED)),
    headless=True,
)
BLOCK = replace(
    kit.service_entry("block.example.com", kit.port(443, Protocol.TLS), kit.port(80, Protocol.TCP)),
    addresses=("10.1.0.0/16", "10.2.0.0/16"),
)
WILDCARD = kit.service_entry("*.example.org", kit.port(443, Protocol.TLS), kit.http(80))
HASHING = (
    ConsistentHashLB(http_header_name="user"),
    ConsistentHashLB(http_cookie=HTTPCookie("session", "/", SECOND)),
    ConsistentHashLB(use_source_ip=True),
    ConsistentHashLB(http_query_parameter_name="q"),
)


def exact(value: str) -> StringMatch:
    return StringMatch(MatchKind.EXACT, value)


REGEX = StringMatch(MatchKind.REGEX, "/v[0-9]+(/.*)?")
PRESENT = StringMatch(MatchKind.PRESENT)
MATCHES = (
    HTTPMatchRequest(name="exact", uri=exact("/a"), ignore_uri_case=True, gateways=BOTH, stat_prefix="a"),
    HTTPMatchRequest(uri=StringMatch(MatchKind.PREFIX, "/b"), gateways=BOTH, headers={"end-user": exact("jason")}),
    HTTPMatchRequest(uri=REGEX, gateways=BOTH, method=exact("GET"), authority=PRESENT, scheme=exact("http")),
    HTTPMatchRequest(gateways=BOTH, without_headers={"x": PRESENT, "y": exact("1")}, query_params={"q": PRESENT}),
    HTTPMatchRequest(gateways=BOTH, query_params={"q": exact("1"), "r": REGEX}),
)
OPERATIONS = HeaderOperations({"x-a": "%REQ(x-b)%", "host": "other"}, {"x-c": "1"}, ("x-d",))
HEADERS = Headers(OPERATIONS, HeaderOperations({"x-e": "1"}, {"x-f": "2"}, ("x-g",)))
V1 = (HTTPRouteDestination(Destination(REVIEWS.hostname, "v1", 80), headers=HEADERS),)
WEIGHTED = tuple(HTTPRouteDestination(Destination(REVIEWS.hostname, f"v{n}", 80), 25, HEADERS) for n in range(4))
FAULT = HTTPFaultInjection(FaultDelay(7 * SECOND, 0.1), FaultAbort(grpc_status=14))
RETRY = HTTPRetry(3, SECOND, "5xx,503", True, False, SECOND)
CORS = CorsPolicy((exact("https://a"), REGEX), ("GET", "PUT"), ("x-a",), ("x-b",), 60 * SECOND, True)
RULES = (
    HTTPRoute(0, kit.ORIGIN, "all", MATCHES, V1, timeout=SECOND, retries=RETRY, fault=FAULT, cors_policy=CORS),
    HTTPRoute(1, kit.ORIGIN, match=MATCHES, route=WEIGHTED, rewrite=HTTPRewrite("/", "a.b"), headers=HEADERS),
    HTTPRoute(2, kit.ORIGIN, match=MATCHES[:1], route=V1, rewrite=HTTPRewrite(uri_regex=("^/a(/.*)?$", r"/b\1"))),
    HTTPRoute(3, kit.ORIGIN, match=MATCHES[:1], route=V1, mirrors=(HTTPMirrorPolicy(Destination("unknown"), 5),)),
    HTTPRoute(4, kit.ORIGIN, match=MATCHES, redirect=HTTPRedirect("/x", port=RedirectPort.FROM_REQUEST_PORT, code=307)),
    HTTPRoute(5, kit.ORIGIN, match=MATCHES, redirect=HTTPRedirect("", "/y", "host", "https", 443), headers=HEADERS),
    HTTPRoute(6, kit.ORIGIN, match=MATCHES, direct_response=HTTPDirectResponse(503, b"later")),
    HTTPRoute(7, kit.ORIGIN, route=WEIGHTED, retries=HTTPRetry(attempts=0)),
)


def mesh() -> Mesh:
    hosts = (REVIEWS.hostname, HEADLESS.hostname, "shop.example.com", "*.example.net")
    http = VirtualService(kit.meta("VirtualService", "http"), hosts, BOTH, RULES)
    sni = L4MatchAttributes(sni_hosts=("a.example.com", "*.example.com"), destination_subnets=("10.0.0.0/8",))
    to_v1 = (RouteDestination(Destination(BLOCK.hostname, "v1"), 1), RouteDestination(Destination(BLOCK.hostname), 1))
    tcp_match = L4MatchAttributes(port=80, gateways=BOTH)
    l4 = VirtualService(
        kit.meta("VirtualService", "l4"),
        (BLOCK.hostname,),
        BOTH,
        tls=(L4Route(0, kit.ORIGIN, (sni,), to_v1), L4Route(1, kit.ORIGIN, (sni,), to_v1[:1])),
        tcp=(L4Route(0, kit.ORIGIN, (tcp_match,), to_v1), L4Route(1, kit.ORIGIN, (), to_v1)),
    )
    servers = (
        Server(Port(80, Protocol.HTTP), ALL, kit.ORIGIN),
        Server(Port(80, Protocol.HTTP), ALL, kit.ORIGIN, bind="127.0.0.5"),
        Server(Port(8080, Protocol.HTTP2), (HostSelector("*", "none.example.com"),), kit.ORIGIN),
        Server(Port(5432, Protocol.TCP), ALL, kit.ORIGIN),
    )
    ports = (Port(80, Protocol.HTTP), Port(443, Protocol.TLS), Port(9000, Protocol.UNSUPPORTED), None)
    ingress = (Port(9080, Protocol.HTTP), Port(9081, Protocol.UNSUPPORTED), Port(9082, Protocol.TCP))
    sidecar = Sidecar(
        kit.meta("Sidecar", "default", "declared"),
        egress=(
            *(IstioEgressListener(ALL, kit.ORIGIN, port) for port in ports),
            IstioEgressListener(ALL, kit.ORIGIN, Port(7000, Protocol.HTTP), "127.0.0.9", SidecarCaptureMode.NONE),
        ),
        ingress=tuple(IstioIngressListener(port, f"127.0.0.1:{port.number}", kit.ORIGIN) for port in ingress),
    )
    subsets = (
        kit.subset(f"v{n}", TrafficPolicy(load_balancer=LoadBalancerSettings(consistent_hash=lb)))
        for n, lb in enumerate(HASHING)
    )
    return kit.mesh(
        [REVIEWS, HEADLESS, BLOCK, WILDCARD],
        rules=[kit.rule(REVIEWS, None, *subsets)],
        virtual_services=[http, l4],
        gateways=[Gateway(kit.meta("Gateway", "gw"), Labels(), servers)],
        sidecars=[sidecar],
        settings=MeshSettings(access_log_file="/dev/stdout", proxy_http_port=15080),
        instances={"10.9.9.9": tuple(ServiceInstance(REVIEWS.key, p, p.number + 1000) for p in REVIEWS.ports)},
    )


@pytest.mark.parametrize(
    "proxy",
    [
        kit.SIDECAR,
        kit.EXPLICIT,
        kit.GATEWAY,
        kit.proxy(namespace="declared"),
        kit.proxy("127.9.9.9", namespace="declared", capture=CaptureMode.NONE),
    ],
    ids=["redirect", "explicit", "gateway", "redirect-declared", "explicit-declared"],
)
def test_envoy_accepts_every_feature_at_once(proxy: Proxy, tmp_path: Path) -> None:
    static.validate(mesh(), proxy, tmp_path)


@pytest.mark.parametrize("proxy", [kit.SIDECAR, kit.EXPLICIT, kit.GATEWAY], ids=["redirect", "explicit", "gateway"])
def test_envoy_accepts_an_empty_mesh(proxy: Proxy, tmp_path: Path) -> None:
    static.validate(kit.mesh(), proxy, tmp_path)
