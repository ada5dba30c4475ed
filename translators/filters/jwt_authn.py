"""RequestAuthentication: verifies the tokens of requests, wherever they come in.

What it verifies with has a name of its own (ECDS): keys come, go and are replaced without a change of any listener,
which would close connections. While the keys of an issuer cannot be had, its rule has none, and Envoy refuses its
tokens with 401; it takes an empty text for that, and would refuse the whole configuration for an empty set of keys.

As in Istio a request without a token passes, and one with a token that no rule finds valid does not.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from envoy_data_plane.envoy.config.common.mutation_rules.v3 import HeaderMutation
from envoy_data_plane.envoy.config.core.v3 import DataSource, TypedExtensionConfig
from envoy_data_plane.envoy.config.route.v3 import RouteMatch
from envoy_data_plane.envoy.extensions.filters.http.fault.v3 import HttpFault
from envoy_data_plane.envoy.extensions.filters.http.header_mutation.v3 import HeaderMutation as HeaderMutationFilter
from envoy_data_plane.envoy.extensions.filters.http.header_mutation.v3 import Mutations
from envoy_data_plane.envoy.extensions.filters.http.jwt_authn.v3 import (
    JwtAuthentication,
    JwtClaimToHeader,
    JwtHeader,
    JwtProvider,
    JwtProviderNormalizePayload,
    JwtRequirement,
    JwtRequirementAndList,
    JwtRequirementOrList,
    RequirementRule,
)
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpFilter
from envoy_data_plane.google.protobuf import Empty

from translators.extension.discovery import discovery
from translators.extension.substitute import refusing
from translators.jwt import FILTER, PAYLOAD
from xds.model.proxy import ProxyType
from xds.model.request_authentication import JwtRule, ProxyJwtRule
from xds.model.view import ProxyView
from xds.pipeline.contribution import Contribution, Direction, HttpFilterPart, Phase, Resources
from xds.pipeline.memo import Memo
from xds.pipeline.translator import guard
from xds.resources import Resource
from xds.resources.types import EXTENSION_CONFIG
from xds.wire.encode import encode, pack_any

HEADERS: Final = "pilothouse.jwt_headers"
"""The filter that takes away what clients write into headers that are for verified claims."""

_ALWAYS_DELIMITED: Final = ("permission", "scope")
"""Istio: claims with several values, separated by spaces."""

_WHERE: Final = frozenset({Direction.INBOUND, Direction.GATEWAY})


@guard
def translate(view: ProxyView, memo: Memo) -> Iterable[Contribution]:
    """The filter, and what it verifies with."""
    if not view.jwt_rules:
        return ()
    return memo(_contributions, view.jwt_rules, view.key.type is ProxyType.ROUTER)


def _contributions(rules: tuple[ProxyJwtRule, ...], at_gateway: bool) -> tuple[Contribution, ...]:
    verified = _verified_headers(each.rule for each in rules)
    return (*((_without(*verified),) if verified else ()), _filter(), _resource(rules, at_gateway))


@lru_cache(maxsize=1)
def _filter() -> HttpFilterPart:
    """Until a proxy knows what to verify with, it answers 503: nothing gets by unverified."""
    source = discovery(refusing(), JwtAuthentication, HttpFault)
    body = encode(HttpFilter(name=FILTER, config_discovery=source))
    return HttpFilterPart(phase=Phase.AUTHENTICATION, body=body, directions=_WHERE)


def _verified_headers(rules: Iterable[JwtRule]) -> tuple[str, ...]:
    """Envoy takes away those of the rules that it tries, which are not always all, and none before a preflight."""
    written: dict[str, None] = {}
    read: set[str] = set()
    for rule in rules:
        written.update(dict.fromkeys(each.header for each in rule.claim_headers))
        written.update({rule.payload_header: None} if rule.payload_header else {})
        read.update(each.name for each in rule.from_headers)
    return tuple(name for name in written if name not in read)


@lru_cache(maxsize=256)
def _without(*headers: str) -> HttpFilterPart:
    mutations = Mutations(request_mutations=[HeaderMutation(remove=name) for name in headers])
    config = pack_any(HeaderMutationFilter(mutations=mutations))
    body = encode(HttpFilter(name=HEADERS, typed_config=config))
    return HttpFilterPart(phase=Phase.AUTHENTICATION, body=body, directions=_WHERE)


def _resource(rules: tuple[ProxyJwtRule, ...], at_gateway: bool) -> Resources:
    """A proxy that rejects it and had nothing before gets the same rules without keys, by which no token is valid."""
    origins = tuple(dict.fromkeys(each.source for each in rules))

    def resource(jwks: Iterable[str], instead: Resource | None = None) -> Resource:
        config = _config([each.rule for each in rules], jwks, at_gateway)
        body = encode(TypedExtensionConfig(name=FILTER, typed_config=pack_any(config)))
        return Resource.of(EXTENSION_CONFIG, FILTER, body, origins=origins, instead=instead)

    return Resources((resource((each.jwks for each in rules), resource("" for _ in rules)),))


def _config(rules: list[JwtRule], jwks: Iterable[str], at_gateway: bool) -> JwtAuthentication:
    """jwks: of each rule. at_gateway: routes may depend on claims, so they are looked for again."""
    of_each = zip(rules, jwks, strict=True)
    providers = {f"origins-{index}": _provider(rule, keys, at_gateway) for index, (rule, keys) in enumerate(of_each)}
    whole = RequirementRule(match=RouteMatch(prefix="/"), requires=_requirement(list(providers)))
    return JwtAuthentication(providers=providers, rules=[whole], bypass_cors_preflight=True)


def _provider(rule: JwtRule, jwks: str, at_gateway: bool) -> JwtProvider:
    delimited = sorted({*_ALWAYS_DELIMITED, *rule.space_delimited})
    return JwtProvider(
        issuer=rule.issuer,
        audiences=list(rule.audiences),
        local_jwks=DataSource(inline_string=jwks),
        forward=rule.forward,
        from_headers=[JwtHeader(name=each.name, value_prefix=each.prefix) for each in rule.from_headers],
        from_params=list(rule.from_params),
        from_cookies=list(rule.from_cookies),
        forward_payload_header=rule.payload_header,
        payload_in_metadata=PAYLOAD,
        normalize_payload_in_metadata=JwtProviderNormalizePayload(space_delimited_claims=delimited),
        claim_to_headers=[JwtClaimToHeader(each.header, each.claim) for each in rule.claim_headers],
        clear_route_cache=at_gateway,
    )


def _requirement(providers: list[str]) -> JwtRequirement:
    """A valid token of any rule; or else, for each rule, a valid token where it looks for one, or none there at all.

    The former for rules that look in the same place: a token of one is never valid for the others.
    """
    each = [JwtRequirement(provider_name=name) for name in providers]
    if_any = [_any_of(one, JwtRequirement(allow_missing=Empty())) for one in each]
    if len(if_any) == 1:
        return if_any[0]
    return _any_of(*each, JwtRequirement(requires_all=JwtRequirementAndList(requirements=if_any)))


def _any_of(*requirements: JwtRequirement) -> JwtRequirement:
    return JwtRequirement(requires_any=JwtRequirementOrList(requirements=list(requirements)))
