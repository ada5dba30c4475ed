"""Requests that a provider decides on, over gRPC and over HTTP, and connections."""

from __future__ import annotations

import pytest

from e2e.addresses import Addresses
from e2e.external_authorization.authorizer import ALLOWING, BODY, STATUS
from e2e.external_authorization.world import World
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="module")

LONG = b"0123456789"
BEGINNING = LONG[:8]
IN_PART = "x-envoy-auth-partial-body"


@proves("AuthorizationPolicy", "spec.action", "spec.provider.name", "spec.rules.to.operation.paths")
@proves("MeshConfig", "extensionProviders.envoyExtAuthzGrpc.service", "extensionProviders.envoyExtAuthzGrpc.port")
async def test_a_service_of_grpc_allows_with_headers_for_either_end(world: World) -> None:
    answer = await world.ask("/grpc/ok?q=1", {"x-any": "all"})
    assert answer.status == 200
    assert answer.headers["x-checked"] == "yes"
    assert answer.received is not None
    assert answer.received["x-user"] == "ann"
    (asked,) = world.grpc.about("/grpc/ok?q=1")
    assert (asked.method, asked.headers["x-any"], asked.headers[":authority"]) == (
        "GET",
        "all",
        f"{world.server.ip}:9080",
    )


async def test_a_service_of_grpc_refuses_in_its_own_words(world: World) -> None:
    answer = await world.ask("/grpc/refused")
    assert (answer.status, answer.body, answer.headers["x-reason"]) == (403, BODY, "closed")


@proves(
    "MeshConfig",
    "extensionProviders.envoyExtAuthzHttp.service",
    "extensionProviders.envoyExtAuthzHttp.port",
    "extensionProviders.envoyExtAuthzHttp.pathPrefix",
    "extensionProviders.envoyExtAuthzHttp.includeRequestHeadersInCheck",
    "extensionProviders.envoyExtAuthzHttp.includeAdditionalHeadersInCheck",
    "extensionProviders.envoyExtAuthzHttp.headersToUpstreamOnAllow",
    "extensionProviders.envoyExtAuthzHttp.headersToDownstreamOnAllow",
)
async def test_a_service_of_http_is_shown_and_passes_on_what_is_named(world: World) -> None:
    answer = await world.ask("/http/ok?q=1", {"x-shown": "1", "x-also-shown": "2", "x-hidden": "3"})
    assert answer.status == 200
    (asked,) = world.http.about("/check/http/ok?q=1")
    assert asked.method == "GET"
    assert {name: asked.headers.get(name) for name in ("x-shown", "x-also-shown", "x-mesh", "x-hidden")} == {
        "x-shown": "1",
        "x-also-shown": "2",
        "x-mesh": "pilothouse",
        "x-hidden": None,
    }
    assert answer.received is not None
    assert {name: answer.received.get(name) for name in ALLOWING} == {
        "x-user": "ann",
        "x-user-group": "staff",
        "x-internal": None,
    }
    assert {name for name in answer.headers if name.lower() in ALLOWING} == {"x-user-group"}


@proves("MeshConfig", "extensionProviders.envoyExtAuthzHttp.headersToDownstreamOnDeny")
async def test_a_service_of_http_refuses_and_shows_what_is_named(world: World) -> None:
    answer = await world.ask("/http/refused")
    assert (answer.status, answer.body, answer.headers["x-reason"]) == (STATUS, BODY, "closed")
    assert "x-internal" not in answer.headers
    answer = await world.ask("/http-short/refused")
    assert (answer.status, answer.headers["x-internal"]) == (STATUS, "1")


@proves("MeshConfig", "extensionProviders.envoyExtAuthzHttp.includeHeadersInCheck")
async def test_the_old_name_of_a_list_counts_too(world: World) -> None:
    await world.ask("/http-short/ok", {"x-shown": "1", "x-also-shown": "2"})
    (asked,) = world.http.about("/http-short/ok")
    assert (asked.headers.get("x-shown"), asked.headers.get("x-also-shown")) == ("1", None)


@proves(
    "MeshConfig",
    "extensionProviders.envoyExtAuthzGrpc.includeRequestBodyInCheck.maxRequestBytes",
    "extensionProviders.envoyExtAuthzGrpc.includeRequestBodyInCheck.allowPartialMessage",
    "extensionProviders.envoyExtAuthzGrpc.includeRequestBodyInCheck.packAsBytes",
    "extensionProviders.envoyExtAuthzHttp.includeRequestBodyInCheck.maxRequestBytes",
    "extensionProviders.envoyExtAuthzHttp.includeRequestBodyInCheck.allowPartialMessage",
)
async def test_bodies_are_shown_as_far_as_they_are_to_be(world: World) -> None:
    for path, authorizer, seen in (
        ("/grpc/ok/body", world.grpc, "/grpc/ok/body"),
        ("/http/ok/body", world.http, "/check/http/ok/body"),
    ):
        assert (await world.ask(path, body=LONG)).status == 200
        (asked,) = authorizer.about(seen)
        assert (asked.method, asked.body, asked.headers[IN_PART]) == ("POST", BEGINNING, "true")
    for path in ("/grpc-short/ok", "/http-short/ok"):
        assert (await world.ask(path, body=LONG)).status == 413
    assert (await world.ask("/grpc-short/ok/bytes", body=BEGINNING)).status == 200
    (as_bytes,), (as_text,) = world.grpc.about("/grpc-short/ok/bytes"), world.grpc.about("/grpc/ok/body")
    assert (as_bytes.body, as_bytes.text, as_text.text) == (BEGINNING, False, True)


@proves(
    "MeshConfig",
    "extensionProviders.envoyExtAuthzGrpc.timeout",
    "extensionProviders.envoyExtAuthzGrpc.statusOnError",
    "extensionProviders.envoyExtAuthzHttp.timeout",
    "extensionProviders.envoyExtAuthzHttp.statusOnError",
)
async def test_without_an_answer_in_time_a_request_is_refused_with_the_status_for_it(world: World) -> None:
    for path in ("/grpc-short/slow", "/http-short/slow"):
        assert (await world.ask(path)).status == 503


@proves(
    "MeshConfig",
    "extensionProviders.envoyExtAuthzGrpc.failOpen",
    "extensionProviders.envoyExtAuthzHttp.failOpen",
)
async def test_without_a_server_requests_pass_only_if_they_are_to(world: World) -> None:
    for path, status in (("/grpc-open/", 200), ("/http-open/", 200), ("/grpc-closed/", 403), ("/http-closed/", 403)):
        assert (await world.ask(path)).status == status


async def test_nothing_passes_for_which_there_is_nobody_to_ask(world: World) -> None:
    for path in ("/nobody/ok", "/lost/ok", "/gateway/nobody/ok", "/gateway/lost/ok"):
        ask = world.ask_gateway if path.startswith("/gateway") else world.ask
        assert (await ask(path)).status == 403


async def test_what_no_rule_selects_is_not_asked_about(world: World) -> None:
    assert (await world.ask("/free/ok")).status == 200
    for authorizer in (world.grpc, world.http):
        assert not [asked for asked in authorizer.asked if "/free" in asked.path]


async def test_both_the_provider_and_the_other_policies_have_to_allow(world: World) -> None:
    refused = await world.ask("/grpc/ok/but-not-allowed")
    assert (refused.status, refused.body) == (403, "RBAC: access denied")
    assert len(world.grpc.about("/grpc/ok/but-not-allowed")) == 1


@proves(
    "MeshConfig",
    "extensionProviders.envoyExtAuthzGrpc.clearRouteCache",
    "extensionProviders.envoyExtAuthzHttp.clearRouteCache",
)
async def test_a_gateway_chooses_the_route_anew_if_it_is_to(world: World) -> None:
    for provider, route in (("grpc", "of-all"), ("grpc-short", "of-users"), ("http", "of-users")):
        answer = await world.ask_gateway(f"/gateway/{provider}/ok")
        assert (answer.status, answer.headers["x-route"]) == (200, route)
    assert (await world.ask_gateway("/gateway/http/refused")).status == STATUS


async def test_a_service_of_grpc_decides_on_connections(world: World, addresses: Addresses) -> None:
    welcome, barred = addresses.new(), addresses.new()
    world.grpc.barred.add(barred)
    assert await world.connect(welcome)
    assert not await world.connect(barred)
    assert [asked.source for asked in world.grpc.asked if not asked.path] == [welcome, barred]
