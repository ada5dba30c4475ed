"""Which tokens will do; that Envoy says the same is tested by e2e/agreement/access."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from envoy_data_plane.envoy.config.common.mutation_rules.v3 import HeaderMutation
from envoy_data_plane.envoy.config.core.v3 import DataSource
from envoy_data_plane.envoy.config.route.v3 import HeaderMatcher, Route, RouteAction, RouteMatch
from envoy_data_plane.envoy.extensions.filters.http.header_mutation.v3 import (
    HeaderMutation as HeaderMutationFilter,
)
from envoy_data_plane.envoy.extensions.filters.http.header_mutation.v3 import Mutations
from envoy_data_plane.envoy.extensions.filters.http.jwt_authn.v3 import (
    JwtAuthentication,
    JwtClaimToHeader,
    JwtHeader,
    JwtProvider,
    JwtRequirement,
    JwtRequirementOrList,
    PerRouteConfig,
    RequirementRule,
)
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpFilter
from envoy_data_plane.envoy.type.matcher.v3 import (
    MetadataMatcher,
    MetadataMatcherPathSegment,
    StringMatcher,
    ValueMatcher,
)
from envoy_data_plane.google.protobuf import Empty

from tests.explain import kit
from xds.explain import Answered, Check, Connection, Explanation, Forwarded, Request, UnsupportedError, explain
from xds.explain.access.jwt_authn import NOTES
from xds.wire.encode import pack_any

TOKEN: Mapping[str, object] = {"iss": "a", "sub": "alice", "aud": ["https://shop/"], "groups": ["x"]}
TO_A = Route(match=RouteMatch(prefix="/"), route=RouteAction(cluster="a"))
ISSUER_A = MetadataMatcher(
    filter=NOTES,
    path=[MetadataMatcherPathSegment(key="payload"), MetadataMatcherPathSegment(key="iss")],
    value=ValueMatcher(string_match=StringMatcher(exact="a")),
)


def provider(forward: bool = False, audiences: tuple[str, ...] = (), clear: bool = False) -> JwtProvider:
    return JwtProvider(
        issuer="a",
        audiences=list(audiences),
        local_jwks=DataSource(inline_string="{}"),
        forward=forward,
        from_headers=[JwtHeader(name="X-Token")],
        payload_in_metadata="payload",
        claim_to_headers=[JwtClaimToHeader("x-sub", "sub")],
        clear_route_cache=clear,
    )


def authentication(of: JwtProvider, *, missing: bool = True) -> JwtAuthentication:
    """As a RequestAuthentication asks it: a valid token or none."""
    requirement = JwtRequirement(provider_name="p")
    if missing:
        either = [requirement, JwtRequirement(allow_missing=Empty())]
        requirement = JwtRequirement(requires_any=JwtRequirementOrList(requirements=either))
    rule = RequirementRule(match=RouteMatch(prefix="/"), requires=requirement)
    return JwtAuthentication(providers={"p": of}, rules=[rule])


def asked(
    config: JwtAuthentication,
    claims: Mapping[str, object] | None,
    *routes: Route,
    headers: tuple[tuple[str, str], ...] = (),
) -> Explanation:
    each = HttpFilter(name=NOTES, typed_config=pack_any(config))
    snapshot = kit.snapshot(kit.manager(kit.routes(*routes or (TO_A,)), each), kit.clusters("a", "b"))
    request = Request.of("GET", "a", "/x", headers, claims=claims)
    return explain(snapshot, Connection(kit.ADDRESS, kit.PORT), request, through_capture=False)


def forwarded(found: Explanation) -> Forwarded:
    (outcome,) = found.outcomes
    assert isinstance(outcome, Forwarded), outcome
    return outcome


def check(found: Explanation) -> Check:
    ((check,),) = (route.checks for route in found.routes)
    return check


def test_without_a_token_a_request_goes_on_where_none_is_needed() -> None:
    found = asked(authentication(provider()), None)
    assert forwarded(found).claims is None
    assert check(found).text == "there is no token, and none is needed"
    refused = asked(authentication(provider(), missing=False), None)
    assert refused.outcomes == (Answered(1.0, 401, "Jwt is missing"),)


@pytest.mark.parametrize(
    ("claims", "status", "reason"),
    [
        ({**TOKEN, "iss": "b"}, 401, "Jwt issuer is not configured"),
        ({**TOKEN, "aud": "cart"}, 403, "Audiences in Jwt are not allowed"),
        ({"iss": "a"}, 403, "Audiences in Jwt are not allowed"),
    ],
)
@pytest.mark.parametrize("missing", [True, False])
def test_a_token_that_will_not_do_is_refused(
    claims: Mapping[str, object], status: int, reason: str, missing: bool
) -> None:
    of_a = JwtProvider(issuer="a", audiences=["shop"], local_jwks=DataSource(inline_string="{}"))
    found = asked(authentication(of_a, missing=missing), claims)
    assert found.outcomes == (Answered(1.0, status, reason),)


def test_a_valid_token_is_told_to_whoever_comes_after_and_goes() -> None:
    found = asked(authentication(provider(audiences=("shop",))), TOKEN, headers=(("x-token", "text"), ("x-sub", "bob")))
    outcome = forwarded(found)
    assert check(found) == Check(NOTES, "the token of a is taken as valid", "a")
    assert outcome.claims is None
    assert [value for name, value in outcome.request_headers if name in ("x-token", "x-sub")] == ["alice"]


def test_a_token_may_be_passed_on() -> None:
    assert forwarded(asked(authentication(provider(forward=True)), TOKEN)).claims == TOKEN


@pytest.mark.parametrize("clear", [True, False])
def test_routes_may_depend_on_what_a_token_says(clear: bool) -> None:
    noted = Route(match=RouteMatch(prefix="/", dynamic_metadata=[ISSUER_A]), route=RouteAction(cluster="b"))
    named = HeaderMatcher(name="x-sub", string_match=StringMatcher(exact="alice"))
    told = Route(match=RouteMatch(prefix="/", headers=[named]), route=RouteAction(cluster="b"))
    for route in (noted, told):
        found = asked(authentication(provider(clear=clear)), TOKEN, route, TO_A)
        assert forwarded(found).cluster.name == ("b" if clear else "a")
    (step,) = asked(authentication(provider(clear=clear)), None, noted, TO_A).routes
    (passed,) = step.passed_over
    assert passed.reason == f'{NOTES} payload.iss is "a" is asked for, and it is not there'


def test_a_token_of_which_nothing_is_said_is_not_guessed() -> None:
    with pytest.raises(UnsupportedError, match="a token in the header x-token, and nobody says what is in it"):
        asked(authentication(provider()), None, headers=(("x-token", "text"),))


def test_a_token_that_is_read_in_different_ways_is_not_guessed() -> None:
    config = authentication(provider())
    config.providers["q"] = JwtProvider(issuer="b", from_headers=[JwtHeader(name="x-token", value_prefix="My ")])
    with pytest.raises(UnsupportedError, match="behind different prefixes"):
        asked(config, TOKEN)


def test_a_route_may_ask_for_no_token() -> None:
    route = Route(match=RouteMatch(prefix="/"), route=RouteAction(cluster="a"))
    route.typed_per_filter_config = {NOTES: pack_any(PerRouteConfig(disabled=True))}
    assert forwarded(asked(authentication(provider(), missing=False), None, route)).cluster.name == "a"


def test_headers_that_are_taken_away_are_gone_for_whoever_comes_after() -> None:
    mutations = Mutations(request_mutations=[HeaderMutation(remove="X-A")])
    taking = HttpFilter(name="taking", typed_config=pack_any(HeaderMutationFilter(mutations=mutations)))
    snapshot = kit.snapshot(kit.manager(kit.routes(TO_A), taking), kit.clusters("a"))
    outcome = forwarded(kit.asked(snapshot, "/", ("x-a", "1"), ("x-b", "2")))
    assert [name for name, _ in outcome.request_headers if name in ("x-a", "x-b")] == ["x-b"]
