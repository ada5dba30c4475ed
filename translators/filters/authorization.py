"""AuthorizationPolicy: role-based access control for requests and for connections, where they reach a workload.

All policies of one action are one filter, in the order AUDIT, DENY, ALLOW: what is denied is denied whatever allows it.
Connections that are forwarded as they are have a network filter for it, requests an HTTP filter. CUSTOM, which asks
others, is not here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from envoy_data_plane.envoy.config.rbac.v3 import Rbac, RbacAction
from envoy_data_plane.envoy.extensions.filters.http.rbac.v3 import Rbac as HttpRbac
from envoy_data_plane.envoy.extensions.filters.network.rbac.v3 import Rbac as NetworkRbac

from translators.authorization.entries import Entries, entries
from translators.authorization.identities import TrustDomains, trust_domains
from translators.authorization.rbac import SIDES, STAT_PREFIX, http_rbac, network_rbac
from xds.model.authorization import AuthorizationAction, AuthorizationPolicy
from xds.model.view import ProxyView
from xds.pipeline.contribution import Contribution, FilterPart, HttpFilterPart, NetworkFilterPart, Phase
from xds.pipeline.memo import Memo
from xds.pipeline.translator import guard
from xds.wire.encode import encode
from xds.wire.splice import field

_ORDER: Final = (
    (AuthorizationAction.AUDIT, RbacAction.LOG, "istio_dry_run_audit_"),
    (AuthorizationAction.DENY, RbacAction.DENY, "istio_dry_run_deny_"),
    (AuthorizationAction.ALLOW, RbacAction.ALLOW, "istio_dry_run_allow_"),
)
"""Each with what a dry run counts by."""

Policies = tuple[AuthorizationPolicy, ...]


@guard
def translate(view: ProxyView, memo: Memo) -> Iterable[Contribution]:
    """The filters of all policies for the proxy. A mesh without any costs a look."""
    if not view.authorization:
        return ()
    settings = view.settings
    return memo(_filters, view.authorization, settings.trust_domain, settings.trust_domain_aliases, memo)


def _filters(policies: Policies, own: str, aliases: tuple[str, ...], memo: Memo) -> tuple[FilterPart, ...]:
    domains = trust_domains(own, aliases)
    return tuple(
        part
        for action, envoys, dry_run in _ORDER
        if (chosen := [each for each in policies if each.action is action])
        for part in _of_action(chosen, envoys, dry_run, domains, memo)
    )


def _of_action(
    policies: list[AuthorizationPolicy], action: RbacAction, dry_run: str, domains: TrustDomains, memo: Memo
) -> Iterator[FilterPart]:
    origins = tuple(each.meta.key for each in policies)
    tried = [each for each in policies if each.dry_run]
    rules = _rules(1, action, [each for each in policies if not each.dry_run], domains, memo)
    shadow = _rules(2, action, tried, domains, memo)
    prefix = dry_run if tried else ""
    body = http_rbac(HttpRbac(shadow_rules_stat_prefix=prefix), rules.requests + shadow.requests)
    yield HttpFilterPart(Phase.AUTHORIZATION, body, SIDES, origins=origins)
    header = NetworkRbac(stat_prefix=STAT_PREFIX, shadow_rules_stat_prefix=prefix)
    body = network_rbac(header, rules.connections + shadow.connections)
    yield NetworkFilterPart(Phase.AUTHORIZATION, body, SIDES, routed=False, origins=origins)


def _rules(
    number: int, action: RbacAction, policies: list[AuthorizationPolicy], domains: TrustDomains, memo: Memo
) -> Entries:
    """The field ``rules`` (1) or ``shadow_rules`` (2) of either filter; empty without policies.

    Rules of which none is left for connections are still there: what allows nothing denies everything.
    """
    if not policies:
        return Entries(b"", b"")
    header, found = encode(Rbac(action=action)), entries(policies, domains, memo)
    return Entries(field(number, header + found.requests), field(number, header + found.connections))
