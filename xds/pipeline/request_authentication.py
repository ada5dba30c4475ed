"""Which tokens a proxy is to verify, and with which keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from xds.model.labels import Labels
from xds.model.mesh import Mesh
from xds.model.objects import ObjectKey
from xds.model.request_authentication import JwtRule, KeySet, KeySets, ProxyJwtRule, RequestAuthentication
from xds.model.view import ViewKey
from xds.pipeline.attachment import attached
from xds.pipeline.memo import Memo

_Chosen: TypeAlias = tuple[tuple[ObjectKey, JwtRule], ...]


def jwt_rules_of(mesh: Mesh, key: ViewKey, memo: Memo) -> tuple[ProxyJwtRule, ...]:
    """The rules of all policies that are for the proxy, by issuer as in Istio. The same tuple while they, and what is
    known of their keys, are the same."""
    if not mesh.request_authentications or key.proxyless:
        return ()
    root = mesh.settings.root_namespace
    chosen = memo(_chosen, mesh.request_authentications, root, key.namespace, key.labels)
    return memo(_together, *(memo(ProxyJwtRule, rule, source, _jwks(rule, mesh.key_sets)) for source, rule in chosen))


def _together(*rules: ProxyJwtRule) -> tuple[ProxyJwtRule, ...]:
    return rules


def _chosen(
    policies: Mapping[str, tuple[RequestAuthentication, ...]], root_namespace: str, namespace: str, labels: Labels
) -> _Chosen:
    found = attached(policies, root_namespace, namespace, labels)
    rules = ((policy.meta.key, rule) for policy in found for rule in policy.rules)
    return tuple(sorted(rules, key=lambda pair: pair[1].issuer))


def _jwks(rule: JwtRule, key_sets: KeySets) -> str:
    known = rule.keys if isinstance(rule.keys, KeySet) else key_sets.get(rule.keys)
    return known.jwks if isinstance(known, KeySet) else ""
