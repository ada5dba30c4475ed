"""The rules of many policies, of which one changes now and then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from translators.authorization.identities import TrustDomains
from translators.authorization.rules import encoded_rules
from xds.model.authorization import AuthorizationPolicy
from xds.pipeline.memo import Memo

_GROUP: Final = 32
"""So many policies are looked up together: of very many, looking up each would be most of the cost of a change."""


class Entries(NamedTuple):
    """Encoded entries of ``RBAC.policies``, for requests and for connections."""

    requests: bytes
    connections: bytes


def entries(policies: Sequence[AuthorizationPolicy], domains: TrustDomains, memo: Memo) -> Entries:
    """The rules of all of them."""
    groups = (policies[start : start + _GROUP] for start in range(0, len(policies), _GROUP))
    return _joined([memo(_of_group, domains, memo, *group) for group in groups])


def _of_group(domains: TrustDomains, memo: Memo, *policies: AuthorizationPolicy) -> Entries:
    return _joined([memo(_of_policy, each, domains) for each in policies])


def _of_policy(policy: AuthorizationPolicy, domains: TrustDomains) -> Entries:
    return Entries(encoded_rules(policy, domains, tcp=False), encoded_rules(policy, domains, tcp=True))


def _joined(parts: Sequence[Entries]) -> Entries:
    return Entries(b"".join(each.requests for each in parts), b"".join(each.connections for each in parts))
