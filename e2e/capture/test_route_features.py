"""What a VirtualService and a DestinationRule ask for, as requests and responses show it."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest

from e2e.capture.caller import Reply
from e2e.capture.mesh import CaptureMesh
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="session")

FEATURES = "http://features:9080"


async def get(mesh: CaptureMesh, path: str, headers: Mapping[str, str] | None = None, method: str = "GET") -> Reply:
    return await mesh.client.get(FEATURES + path, headers, method=method)


MATCHES: tuple[tuple[str, str, Mapping[str, str]], ...] = (
    ("GET", "/query?kind=a", {}),
    ("GET", "/query-regex?kind=12", {}),
    ("GET", "/header-prefix", {"kind": "abc"}),
    ("GET", "/header-regex", {"kind": "aa"}),
    ("GET", "/header-present", {"kind": "anything"}),
    ("GET", "/without-header", {"kind": "b"}),
    ("GET", "/without-header", {}),
    ("POST", "/method", {}),
    ("GET", "/number/12", {}),
    ("GET", "/case/", {}),
    ("GET", "/authority", {"host": "features.default:9080"}),
    ("GET", "/source-labels", {}),
)
MISSES: tuple[tuple[str, str, Mapping[str, str]], ...] = (
    ("GET", "/query?kind=b", {}),
    ("GET", "/query-regex?kind=1a", {}),
    ("GET", "/query-regex", {}),
    ("GET", "/header-prefix", {"kind": "ba"}),
    ("GET", "/header-regex", {"kind": "aab"}),
    ("GET", "/header-present", {}),
    ("GET", "/without-header", {"kind": "a"}),
    ("GET", "/method", {}),
    ("GET", "/number/12/more", {}),
    ("GET", "/authority", {}),
    ("GET", "/source-labels-of-others", {}),
)


@pytest.mark.parametrize(("method", "path", "headers"), MATCHES)
@proves(
    "VirtualService",
    "spec.http.match.uri.exact",
    "spec.http.match.uri.regex",
    "spec.http.match.ignoreUriCase",
    "spec.http.match.queryParams.*.exact",
    "spec.http.match.queryParams.*.regex",
    "spec.http.match.headers.*.prefix",
    "spec.http.match.headers.*.regex",
    "spec.http.match.withoutHeaders.*.exact",
    "spec.http.match.method.exact",
    "spec.http.match.authority.prefix",
    "spec.http.match.sourceLabels",
)
async def test_a_match_is_met(mesh: CaptureMesh, method: str, path: str, headers: Mapping[str, str]) -> None:
    assert (await get(mesh, path, headers, method)).instance == "reviews-v2"


@pytest.mark.parametrize(("method", "path", "headers"), MISSES)
async def test_a_match_is_not_met(mesh: CaptureMesh, method: str, path: str, headers: Mapping[str, str]) -> None:
    assert (await get(mesh, path, headers, method)).instance == "reviews-v1"


@proves(
    "VirtualService",
    "spec.http.redirect.uri",
    "spec.http.redirect.authority",
    "spec.http.redirect.redirectCode",
    "spec.http.redirect.scheme",
    "spec.http.redirect.port",
)
async def test_redirects(mesh: CaptureMesh) -> None:
    elsewhere, port = await get(mesh, "/redirect"), await get(mesh, "/redirect-port")

    assert (elsewhere.status, elsewhere.headers["location"]) == (307, "http://other.example.com/there")
    assert (port.status, port.headers["location"]) == (301, "https://features:8443/redirect-port")


@proves("VirtualService", "spec.http.directResponse.status", "spec.http.directResponse.body.string")
async def test_a_direct_response(mesh: CaptureMesh) -> None:
    reply = await get(mesh, "/direct")

    assert (reply.status, reply.body) == (503, "later")


@proves("VirtualService", "spec.http.rewrite.uriRegexRewrite.match", "spec.http.rewrite.uriRegexRewrite.rewrite")
async def test_a_path_is_rewritten_by_a_regular_expression(mesh: CaptureMesh) -> None:
    assert (await get(mesh, "/user/jason/cart")).received["path"] == "/cart/of/jason"


@proves(
    "VirtualService",
    "spec.http.headers.request.set",
    "spec.http.headers.request.remove",
    "spec.http.headers.response.set",
    "spec.http.route.headers.response.add",
    "spec.http.route.headers.response.remove",
)
async def test_headers_are_changed_on_both_ways(mesh: CaptureMesh) -> None:
    reply = await get(mesh, "/headers", {"x-set": "client", "x-add": "client", "x-remove": "client"})

    assert (reply.saw("x-set"), reply.saw("host"), reply.saw("x-remove")) == ("route", "other", None)
    assert (reply.headers["x-response"], reply.headers["x-destination"]) == ("route", "v1")
    assert "content-length" not in reply.headers


@proves("VirtualService", "spec.http.mirror.host", "spec.http.mirror.subset")
async def test_a_request_is_mirrored(mesh: CaptureMesh) -> None:
    reply = await get(mesh, "/mirrored")

    assert reply.instance == "reviews-v1"
    assert await mesh.logs("reviews-v2", "/mirrored", "features-shadow:9080") == 1


@proves(
    "VirtualService",
    "spec.http.corsPolicy.allowOrigins.exact",
    "spec.http.corsPolicy.allowMethods",
    "spec.http.corsPolicy.maxAge",
)
async def test_cors(mesh: CaptureMesh) -> None:
    preflight = {"origin": "https://shop.example.com", "access-control-request-method": "PUT"}
    allowed = await get(mesh, "/cors", preflight, "OPTIONS")
    other = await get(mesh, "/cors", {**preflight, "origin": "https://other.example.com"}, "OPTIONS")

    assert allowed.headers["access-control-allow-origin"] == "https://shop.example.com"
    assert (allowed.headers["access-control-allow-methods"], allowed.headers["access-control-max-age"]) == ("PUT", "60")
    assert "access-control-allow-origin" not in other.headers


@proves("VirtualService", "spec.http.corsPolicy.unmatchedPreflights")
async def test_preflights_of_other_origins_are_forwarded_or_not(mesh: CaptureMesh) -> None:
    preflight = {"origin": "https://other.example.com", "access-control-request-method": "PUT"}
    forwarded = await get(mesh, "/cors-for-others", preflight, "OPTIONS")
    ignored = await get(mesh, "/cors-for-nobody", preflight, "OPTIONS")

    assert forwarded.instance == "reviews-v1"
    assert (ignored.status, ignored.body, "access-control-allow-origin" in ignored.headers) == (200, "", False)


@proves("VirtualService", "spec.http.retries.attempts", "spec.http.retries.retryOn")
async def test_a_status_is_retried(mesh: CaptureMesh) -> None:
    reply = await get(mesh, "/retried?status=503")

    assert reply.status == 503
    assert await mesh.logs("reviews-v1", "/retried", "503") == 3


@proves("VirtualService", "spec.http.retries.perTryTimeout")
async def test_each_try_has_a_timeout(mesh: CaptureMesh) -> None:
    """The server would answer with 200, later."""
    began = time.monotonic()
    reply = await get(mesh, "/per-try?sleep=3")

    assert reply.status == 504
    assert time.monotonic() - began >= 0.15, "twice 0.1 s, but for how exactly Envoy keeps time"


@proves("DestinationRule", "spec.trafficPolicy.outlierDetection.consecutive5xxErrors")
async def test_an_endpoint_that_fails_is_ejected(mesh: CaptureMesh) -> None:
    """Which takes effect a little after the second failure, and lasts for the whole test."""
    status = [(await mesh.client.get("http://ejecting.example.com:9080/")).status for _ in range(4)]
    assert 503 in status

    end = time.monotonic() + 5
    while {(await mesh.client.get("http://ejecting.example.com:9080/")).status for _ in range(10)} != {200}:
        assert time.monotonic() < end, "still not ejected"
