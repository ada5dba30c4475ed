"""What verifies tokens: on which side it stands, what it is made of, and what there is instead without keys."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from envoy_data_plane.envoy.config.core.v3 import TypedExtensionConfig
from envoy_data_plane.envoy.extensions.filters.http.header_mutation.v3 import HeaderMutation
from envoy_data_plane.envoy.extensions.filters.http.jwt_authn.v3 import JwtAuthentication
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpFilter

from translators.filters import jwt_authn
from translators.jwt import FILTER
from xds.model.objects import ObjectKey, Origin, Place
from xds.model.request_authentication import ClaimToHeader, JwtHeader, JwtRule, KeySet, ProxyJwtRule
from xds.pipeline.contribution import Direction, HttpFilterPart, Phase, Resources
from xds.resources import Resource

SOURCE = ObjectKey("RequestAuthentication", "shop", "tokens")
RULE = JwtRule("https://a.example.com", KeySet("keys"), Place(Origin("mesh.yaml", 1), "spec.jwtRules[0]"))


def made(*rules: JwtRule, at_gateway: bool = False) -> tuple[list[HttpFilterPart], Resource]:
    """The filters, and what the last of them verifies with."""
    found = jwt_authn._contributions(tuple(ProxyJwtRule(rule, SOURCE, "keys") for rule in rules), at_gateway)
    (resources,) = (each for each in found if isinstance(each, Resources))
    (resource,) = resources.resources
    return [each for each in found if isinstance(each, HttpFilterPart)], resource


def config(resource: Resource | None) -> JwtAuthentication:
    assert resource is not None
    body = TypedExtensionConfig.parse(resource.body)
    assert body.typed_config is not None
    return JwtAuthentication.parse(body.typed_config.value)


def jwks(resource: Resource | None) -> list[str | None]:
    providers = config(resource).providers.values()
    return [each.local_jwks.inline_string for each in providers if each.local_jwks is not None]


def test_it_stands_where_requests_come_in() -> None:
    (part,), resource = made(RULE)
    assert (part.phase, part.directions) == (Phase.AUTHENTICATION, frozenset({Direction.INBOUND, Direction.GATEWAY}))
    assert HttpFilter.parse(part.body).name == resource.name == FILTER
    assert resource.origins == (SOURCE,)


def test_listeners_do_not_change_with_keys() -> None:
    (before,), _ = made(RULE)
    (after,), _ = made(replace(RULE, keys=KeySet("other")), replace(RULE, issuer="https://b.example.com"))
    assert before is after


def test_a_proxy_that_rejects_it_gets_the_same_rules_without_keys() -> None:
    _, resource = made(RULE, replace(RULE, issuer="https://b.example.com"))
    assert jwks(resource) == ["keys", "keys"]
    assert jwks(resource.instead) == ["", ""]
    assert config(resource).rules == config(resource.instead).rules


def test_routes_are_looked_for_again_at_gateways_alone() -> None:
    for at_gateway in (False, True):
        _, resource = made(RULE, at_gateway=at_gateway)
        assert [each.clear_route_cache for each in config(resource).providers.values()] == [at_gateway]


def removed(rules: Iterable[JwtRule]) -> list[str]:
    """The headers that are taken away before tokens are looked at."""
    first, *_ = made(*rules)[0]
    sent = HttpFilter.parse(first.body)
    assert sent.typed_config is not None
    mutations = HeaderMutation.parse(sent.typed_config.value).mutations
    assert mutations is not None
    return [each.remove or "" for each in mutations.request_mutations]


def test_headers_for_claims_are_taken_away_from_clients_but_for_those_with_tokens() -> None:
    one = replace(RULE, payload_header="x-payload", claim_headers=(ClaimToHeader("x-sub", "sub"),))
    other = replace(RULE, claim_headers=(ClaimToHeader("x-sub", "sub"), ClaimToHeader("x-token", "jti")))
    assert removed([one, replace(other, from_headers=(JwtHeader("x-token"),))]) == ["x-sub", "x-payload"]
