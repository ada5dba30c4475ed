"""The rest of what a VirtualService asks for: rarer matches, and older spellings."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest

from e2e.capture.caller import Reply
from e2e.capture.mesh import CaptureMesh
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="session")

MORE = "http://more:9080"
NAMED = {"host": "more.default:9080"}


async def get(mesh: CaptureMesh, path: str, headers: Mapping[str, str] | None = None, method: str = "GET") -> Reply:
    return await mesh.client.get(MORE + path, headers, method=method)


MATCHES: tuple[tuple[str, str, Mapping[str, str]], ...] = (
    ("GET", "/authority", NAMED),
    ("GET", "/authority-regex", NAMED),
    ("PUT", "/method-prefix", {}),
    ("PUT", "/method-regex", {}),
    ("GET", "/query-prefix?kind=ab", {}),
    ("GET", "/scheme", {}),
    ("GET", "/scheme-prefix", {}),
    ("GET", "/scheme-regex", {}),
    ("GET", "/without-prefix", {"kind": "ba"}),
    ("GET", "/without-regex", {"kind": "aab"}),
    ("GET", "/port", {}),
    ("GET", "/namespace", {}),
    ("GET", "/gateway", {}),
)
MISSES: tuple[tuple[str, str, Mapping[str, str]], ...] = (
    ("GET", "/authority", {}),
    ("GET", "/authority-regex", {}),
    ("GET", "/method-prefix", {}),
    ("GET", "/method-regex", {}),
    ("GET", "/query-prefix?kind=ba", {}),
    ("GET", "/other-scheme", {}),
    ("GET", "/without-prefix", {"kind": "ab"}),
    ("GET", "/without-regex", {"kind": "aa"}),
    ("GET", "/other-port", {}),
    ("GET", "/other-namespace", {}),
    ("GET", "/other-gateway", {}),
)


@proves(
    "VirtualService",
    "spec.http.match.authority.exact",
    "spec.http.match.authority.regex",
    "spec.http.match.method.prefix",
    "spec.http.match.method.regex",
    "spec.http.match.queryParams.*.prefix",
    "spec.http.match.scheme.exact",
    "spec.http.match.scheme.prefix",
    "spec.http.match.scheme.regex",
    "spec.http.match.withoutHeaders.*.prefix",
    "spec.http.match.withoutHeaders.*.regex",
)
@pytest.mark.parametrize(("method", "path", "headers"), MATCHES)
async def test_a_match_is_met(mesh: CaptureMesh, method: str, path: str, headers: Mapping[str, str]) -> None:
    assert (await get(mesh, path, headers, method)).instance == "reviews-v2"


@proves(
    "VirtualService",
    "spec.http.match.port",
    "spec.http.match.sourceNamespace",
    "spec.http.match.gateways",
)
@pytest.mark.parametrize(("method", "path", "headers"), MISSES)
async def test_a_match_is_not_met(mesh: CaptureMesh, method: str, path: str, headers: Mapping[str, str]) -> None:
    assert (await get(mesh, path, headers, method)).instance == "reviews-v1"


@proves("VirtualService", "spec.http.directResponse.body.bytes")
async def test_a_direct_response_of_bytes(mesh: CaptureMesh) -> None:
    assert (await get(mesh, "/bytes")).body == "ok"


@proves("VirtualService", "spec.http.redirect.prefixRewrite", "spec.http.redirect.derivePort")
async def test_a_redirect_keeps_the_rest_of_the_path_and_the_port(mesh: CaptureMesh) -> None:
    assert (await get(mesh, "/moved/away")).headers["location"] == "http://more:9080/new/away"


@proves(
    "VirtualService",
    "spec.http.headers.request.add",
    "spec.http.headers.response.add",
    "spec.http.headers.response.remove",
    "spec.http.route.headers.request.set",
    "spec.http.route.headers.request.add",
    "spec.http.route.headers.request.remove",
    "spec.http.route.headers.response.set",
)
async def test_headers_are_changed_at_both_levels(mesh: CaptureMesh) -> None:
    reply = await get(mesh, "/headers", {"x-set": "client", "x-remove": "client"})

    assert (reply.saw("x-rule"), reply.saw("x-set"), reply.saw("x-add")) == ("1", "destination", "destination")
    assert reply.saw("x-remove") is None
    assert (reply.headers["x-rule"], reply.headers["x-destination"]) == ("1", "1")
    assert "content-type" not in reply.headers


@proves(
    "VirtualService",
    "spec.http.mirrors.destination.host",
    "spec.http.mirrors.destination.subset",
    "spec.http.mirrors.percentage.value",
    "spec.http.mirrorPercentage.value",
)
async def test_requests_are_mirrored_by_percentage(mesh: CaptureMesh) -> None:
    assert (await get(mesh, "/mirror-nothing")).instance == "reviews-v1"
    assert (await get(mesh, "/mirrors")).instance == "reviews-v1"

    assert await mesh.logs("reviews-v2", "/mirrors", "more-shadow:9080") == 1
    assert await mesh.logs("reviews-v1", "/mirror-nothing") == 1, "so it has been logged by now"
    assert mesh.logged("reviews-v2", "/mirror-nothing") == 0


@proves(
    "VirtualService",
    "spec.http.corsPolicy.allowOrigins.prefix",
    "spec.http.corsPolicy.allowOrigins.regex",
    "spec.http.corsPolicy.allowHeaders",
    "spec.http.corsPolicy.exposeHeaders",
    "spec.http.corsPolicy.allowCredentials",
    "spec.http.corsPolicy.allowOrigin",
)
async def test_cors(mesh: CaptureMesh) -> None:
    asked = {"access-control-request-method": "PUT"}
    preflights = [
        await get(mesh, path, {"origin": origin, **asked}, "OPTIONS")
        for path, origin in (
            ("/cors", "https://shop.example.org"),
            ("/cors", "https://abc.example.com"),
            ("/old-cors", "https://old.example.com"),
        )
    ]
    other = await get(mesh, "/cors", {"origin": "https://other.example.org", **asked}, "OPTIONS")
    actual = await get(mesh, "/cors", {"origin": "https://shop.example.org"})

    assert [reply.headers["access-control-allow-origin"] for reply in preflights] == [
        "https://shop.example.org",
        "https://abc.example.com",
        "https://old.example.com",
    ]
    assert preflights[0].headers["access-control-allow-headers"] == "x-token"
    assert preflights[0].headers["access-control-allow-credentials"] == "true"
    assert "access-control-allow-origin" not in other.headers
    assert actual.headers["access-control-expose-headers"] == "x-request-id"


@proves("VirtualService", "spec.http.fault.abort.grpcStatus")
async def test_a_fault_with_a_grpc_status(mesh: CaptureMesh) -> None:
    reply = await get(mesh, "/grpc-abort", {"content-type": "application/grpc"}, "POST")

    assert reply.headers["grpc-status"] == "8"


@proves("VirtualService", "spec.http.fault.delay.percent")
async def test_a_delay_with_the_older_percentage(mesh: CaptureMesh) -> None:
    began = time.monotonic()

    assert (await get(mesh, "/old-delay")).status == 200
    assert time.monotonic() - began >= 0.35, "0.4 s, but for how exactly Envoy keeps time"


@proves("VirtualService", "spec.http.route.destination.host", "spec.http.route.destination.port.number")
async def test_another_service_may_answer(mesh: CaptureMesh) -> None:
    assert (await get(mesh, "/to-another-port")).instance == "outside"
