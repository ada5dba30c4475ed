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

from translators.authorization.identities import TrustDomains, trust_domains
from translators.authorization.rbac import SIDES, STAT_PREFIX, http_rbac, network_rbac
from translators.authorization.rules import encoded_rules
from xds.model.authorization import AuthorizationAction, AuthorizationPolicy
from xds.model.view import ProxyView
from xds.pipeline.contribution import Contribution, FilterPart, HttpFilterPart, NetworkFilterPart, Phase
from xds.pipeline.memo import Memo
from xds.wire.encode import encode
from xds.wire.splice import field

_ORDER: Final = (
    (AuthorizationAction.AUDIT, RbacAction.LOG, "istio_dry_run_audit_"),
    (AuthorizationAction.DENY, RbacAction.DENY, "istio_dry_run_deny_"),
    (AuthorizationAction.ALLOW, RbacAction.ALLOW, "istio_dry_run_allow_"),
)
"""Each with what a dry run counts by."""

Policies = tuple[AuthorizationPolicy, ...]


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
    requests, connections = (_rules(policies, action, domains, tcp, memo) for tcp in (False, True))
    prefix = dry_run if any(each.dry_run for each in policies) else ""
    body = http_rbac(HttpRbac(shadow_rules_stat_prefix=prefix), requests)
    yield HttpFilterPart(Phase.AUTHORIZATION, body, SIDES, origins=origins)
    body = network_rbac(NetworkRbac(stat_prefix=STAT_PREFIX, shadow_rules_stat_prefix=prefix), connections)
    yield NetworkFilterPart(Phase.AUTHORIZATION, body, SIDES, routed=False, origins=origins)


def _rules(
    policies: list[AuthorizationPolicy], action: RbacAction, domains: TrustDomains, tcp: bool, memo: Memo
) -> bytes:
    """``rules`` and ``shadow_rules``, fields 1 and 2 of either filter, as far as there are policies for them.

    Rules of which none is left for connections are still there: what allows nothing denies everything.
    """
    enforced = [memo(encoded_rules, each, domains, tcp) for each in policies if not each.dry_run]
    tried = [memo(encoded_rules, each, domains, tcp) for each in policies if each.dry_run]
    header = encode(Rbac(action=action))
    return b"".join(
        field(number, b"".join((header, *entries))) for number, entries in ((1, enforced), (2, tried)) if entries
    )
