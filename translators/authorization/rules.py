"""A policy's rules, encoded as entries of Envoy's ``RBAC.policies``, for requests or for connections.

Of a connection nothing is known that only requests have. A rule that asks for it then cannot be met as it is written:
what allows is left out; what denies, audits or asks a provider is widened, by forgetting that part of it. Either way
less passes, as in Istio.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from translators.authorization.identities import TrustDomains
from translators.authorization.logic import ALWAYS, negated
from translators.authorization.permissions import PERMISSIONS
from translators.authorization.principals import PRINCIPALS
from translators.names import authorization_rule
from xds.model.authorization import (
    Attribute,
    AuthorizationAction,
    AuthorizationPolicy,
    AuthorizationRule,
    Conditions,
)
from xds.wire.splice import field


def encoded_rules(
    policy: AuthorizationPolicy, domains: TrustDomains, *, tcp: bool, prefix: str = "", suffix: str = ""
) -> bytes:
    """The policy's entries, to be put one behind another in an encoded ``RBAC``.

    tcp: for connections. prefix, suffix: of the names of the rules. A policy without rules has one that is never met,
    so that it counts: what allows nothing denies everything.
    """
    if not policy.rules:
        return _entry(f"{prefix}{authorization_rule(policy.meta, 0)}{suffix}", _NEVER)
    names = (f"{prefix}{authorization_rule(policy.meta, rule.index)}{suffix}" for rule in policy.rules)
    made = (encoded_rule(rule, policy.action, domains, tcp=tcp) for rule in policy.rules)
    return b"".join(_entry(name, found) for name, found in zip(names, made, strict=True) if found)


def encoded_rule(rule: AuthorizationRule, action: AuthorizationAction, domains: TrustDomains, *, tcp: bool) -> bytes:
    """One rule as a ``Policy``; empty where it is left out. tcp: for connections."""
    if tcp and rule.needs_request:
        if action is AuthorizationAction.ALLOW:
            return b""
        rule = _of_connections(rule)
    asking = tuple(each for each in rule.when if each.attribute.is_of_source)
    asked = tuple(each for each in rule.when if not each.attribute.is_of_source)
    permissions = [PERMISSIONS.all_of((*each, *asked)) for each in rule.operations or ((),)]
    principals = [PRINCIPALS.all_of(_expanded((*each, *asking), domains)) for each in rule.sources or ((),)]
    return _policy(permissions, principals)


def _policy(permissions: list[bytes], principals: list[bytes]) -> bytes:
    """Envoy ``Policy``: ``permissions`` 1, ``principals`` 2."""
    return b"".join((*(field(1, each) for each in permissions), *(field(2, each) for each in principals)))


_NEVER: Final = _policy([negated(ALWAYS)], [negated(ALWAYS)])


def _entry(name: str, policy: bytes) -> bytes:
    """Of the map ``RBAC.policies``, field 2."""
    return field(2, field(1, name.encode()) + field(2, policy))


def _of_connections(rule: AuthorizationRule) -> AuthorizationRule:
    return replace(
        rule,
        sources=tuple(map(_known, rule.sources)),
        operations=tuple(map(_known, rule.operations)),
        when=_known(rule.when),
    )


def _known(conditions: Conditions) -> Conditions:
    return tuple(each for each in conditions if not each.attribute.needs_request)


def _expanded(conditions: Conditions, domains: TrustDomains) -> Conditions:
    return tuple(
        replace(each, values=_in_all(each.values, domains), not_values=_in_all(each.not_values, domains))
        if each.attribute is Attribute.SOURCE_PRINCIPAL
        else each
        for each in conditions
    )


def _in_all(principals: tuple[str, ...], domains: TrustDomains) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for principal in principals for each in domains.expanded(principal)))
