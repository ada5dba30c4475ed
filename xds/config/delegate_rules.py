"""A VirtualService's rule and the rules of its delegate, made one (Istio ``Delegate``).

Istio's rules: the delegate's matches are narrowed by those of the rule that delegates, and a rule of which some match
can never be met is left out whole; what the delegate does not say of a rule, the rule that delegates says for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from xds.model.claims import ClaimPath
from xds.model.labels import Labels
from xds.model.routing import HTTPMatchRequest, HTTPRoute, MatchKind, RulePlace, StringMatch, VirtualService

N = TypeVar("N", str, ClaimPath)  # a name


def delegated(root: VirtualService, rule: HTTPRoute, delegate: VirtualService) -> Iterator[tuple[HTTPRoute, bool]]:
    """The rules of ``delegate`` in the place of ``rule``, each with whether it can be met at all."""
    for inner in delegate.http:
        matches = _matches(root, rule, delegate, inner)
        written = RulePlace(delegate.meta.key, inner.index)
        yield replace(_joined(rule, inner, matches or ()), written=written), matches is not None


def _joined(rule: HTTPRoute, inner: HTTPRoute, matches: tuple[HTTPMatchRequest, ...]) -> HTTPRoute:
    return replace(
        inner,
        name=_name(rule.name, inner.name),
        match=matches,
        rewrite=inner.rewrite or rule.rewrite,
        timeout=rule.timeout if inner.timeout is None else inner.timeout,
        retries=inner.retries or rule.retries,
        fault=inner.fault or rule.fault,
        mirrors=inner.mirrors or rule.mirrors,
        cors_policy=inner.cors_policy or rule.cors_policy,
        headers=inner.headers or rule.headers,
    )


def _name(outer: str, inner: str) -> str:
    return "-".join(filter(None, (outer, inner)))


def _matches(
    root: VirtualService, rule: HTTPRoute, delegate: VirtualService, inner: HTTPRoute
) -> tuple[HTTPMatchRequest, ...] | None:
    """Empty for "always"; None if one of the delegate's matches can never be met."""
    outer = rule.match or (HTTPMatchRequest(gateways=root.gateways),)
    if not inner.match:
        return tuple(replace(match, index=None) for match in rule.match)
    found: list[HTTPMatchRequest] = []
    for match in inner.match:
        gateways = () if match.gateways == delegate.gateways else match.gateways
        narrowed = [_narrowed(each, match, gateways) for each in outer if _can_meet(each, match, gateways)]
        if not narrowed:
            return None
        found += narrowed
    return tuple(found)


def _narrowed(outer: HTTPMatchRequest, inner: HTTPMatchRequest, gateways: tuple[str, ...]) -> HTTPMatchRequest:
    return HTTPMatchRequest(
        name=_name(outer.name, inner.name),
        uri=inner.uri or outer.uri,
        ignore_uri_case=inner.ignore_uri_case,
        scheme=inner.scheme or outer.scheme,
        method=inner.method or outer.method,
        authority=inner.authority or outer.authority,
        headers=_union(outer.headers, inner.headers),
        without_headers=_union(outer.without_headers, inner.without_headers),
        claims=_union(outer.claims, inner.claims),
        without_claims=_union(outer.without_claims, inner.without_claims),
        query_params=_union(outer.query_params, inner.query_params),
        port=outer.port if inner.port is None else inner.port,
        source_labels=Labels({**outer.source_labels, **inner.source_labels}),
        source_namespace=inner.source_namespace or outer.source_namespace,
        gateways=gateways or outer.gateways,
        stat_prefix=inner.stat_prefix or outer.stat_prefix,
        index=inner.index,
    )


def _union(
    outer: Mapping[N, StringMatch] | None, inner: Mapping[N, StringMatch] | None
) -> Mapping[N, StringMatch] | None:
    return {**(outer or {}), **(inner or {})} or None


def _can_meet(outer: HTTPMatchRequest, inner: HTTPMatchRequest, gateways: tuple[str, ...]) -> bool:
    pairs = (
        (outer.uri, inner.uri),
        (outer.scheme, inner.scheme),
        (outer.method, inner.method),
        (outer.authority, inner.authority),
        *_by_name(outer.headers, inner.headers),
        *_by_name(outer.without_headers, inner.without_headers),
        *_by_name(outer.claims, inner.claims),
        *_by_name(outer.without_claims, inner.without_claims),
        *_by_name(outer.query_params, inner.query_params),
    )
    return (
        all(_within(inner_match, outer_match) for outer_match, inner_match in pairs)
        and outer.ignore_uri_case == inner.ignore_uri_case
        and (outer.port is None or inner.port in (None, outer.port))
        and outer.source_namespace in ("", inner.source_namespace)
        and all(outer.source_labels.get(name, value) == value for name, value in inner.source_labels.items())
        and set(gateways) <= set(outer.gateways)
    )


def _by_name(
    outer: Mapping[N, StringMatch] | None, inner: Mapping[N, StringMatch] | None
) -> Iterator[tuple[StringMatch | None, StringMatch | None]]:
    return (((outer or {}).get(name), match) for name, match in (inner or {}).items())


def _within(inner: StringMatch | None, outer: StringMatch | None) -> bool:
    """True if what ``inner`` matches, ``outer`` matches too. Of two regular expressions, nobody can tell."""
    if inner is None or outer is None or inner == outer or outer.kind is MatchKind.PRESENT:
        return True
    is_plain = inner.kind in (MatchKind.EXACT, MatchKind.PREFIX)
    return is_plain and outer.kind is MatchKind.PREFIX and inner.value.startswith(outer.value)
