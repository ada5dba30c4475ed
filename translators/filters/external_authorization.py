"""AuthorizationPolicies with the action CUSTOM: a provider of the mesh decides on what their rules match.

For each provider two filters: a role-based one that only notes which rule has matched, and one that asks the provider
if it was one of its own. Where there is nobody to ask, the rules refuse instead. Of connections that are forwarded as
they are, only a provider that is asked over gRPC can be told; others let them pass, as in Istio.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from envoy_data_plane.envoy.config.listener.v3 import Filter
from envoy_data_plane.envoy.config.rbac.v3 import Rbac, RbacAction
from envoy_data_plane.envoy.extensions.filters.http.rbac.v3 import Rbac as HttpRbac
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpFilter
from envoy_data_plane.envoy.extensions.filters.network.rbac.v3 import Rbac as NetworkRbac

from translators.authorization.checks import http_check, network_check, noted
from translators.authorization.identities import TrustDomains, trust_domains
from translators.authorization.rbac import HTTP_RBAC, NETWORK_RBAC, SIDES, STAT_PREFIX, http_rbac, network_rbac
from translators.authorization.rules import encoded_rules
from xds.model.authorization import AuthorizationPolicy, Authorizer
from xds.model.providers import ExternalAuthorization
from xds.model.view import ProxyView
from xds.pipeline.contribution import Contribution, FilterPart, HttpFilterPart, NetworkFilterPart, Phase
from xds.pipeline.memo import Memo
from xds.pipeline.translator import guard
from xds.wire.encode import encode, pack_any
from xds.wire.splice import field

_NOTES: Final = "istio_ext_authz_"
_KEY: Final = f"{_NOTES}shadow_effective_policy_id"
"""Under which Envoy's role-based filter notes the rule that has matched."""

_PHASE: Final = Phase.CUSTOM_AUTHORIZATION
_ENFORCED, _SHADOW = 1, 2
"""Numbers of the fields ``rules`` and ``shadow_rules``."""


@guard
def translate(view: ProxyView, memo: Memo) -> Iterable[Contribution]:
    """The filters of all providers that are asked about what comes to the proxy, by name."""
    if not view.authorizers:
        return
    settings = view.settings
    domains = trust_domains(settings.trust_domain, settings.trust_domain_aliases)
    for authorizer in view.authorizers:
        yield from memo(_filters, authorizer, domains, memo)


def _filters(authorizer: Authorizer, domains: TrustDomains, memo: Memo) -> tuple[FilterPart, ...]:
    if authorizer.provider is None:
        return tuple(_refusing(authorizer, domains, memo))
    return tuple(_asking(authorizer, authorizer.provider, domains, memo))


def _asking(
    authorizer: Authorizer, provider: ExternalAuthorization, domains: TrustDomains, memo: Memo
) -> Iterator[FilterPart]:
    prefix = f"istio-ext-authz-{authorizer.name}-"
    requests, connections = (_rules(_SHADOW, authorizer, prefix, "", domains, memo, tcp=tcp) for tcp in (False, True))
    origins = authorizer.origins
    yield HttpFilterPart(_PHASE, http_rbac(HttpRbac(shadow_rules_stat_prefix=_NOTES), requests), SIDES, origins=origins)
    check = http_check(provider, noted(HTTP_RBAC, _KEY, f"{prefix}ns["))
    body = encode(HttpFilter(name="envoy.filters.http.ext_authz", typed_config=pack_any(check)))
    yield HttpFilterPart(_PHASE, body, SIDES, origins=origins)
    if provider.http is not None:
        return
    notes = NetworkRbac(stat_prefix=STAT_PREFIX, shadow_rules_stat_prefix=_NOTES)
    yield NetworkFilterPart(_PHASE, network_rbac(notes, connections), SIDES, routed=False, origins=origins)
    asks = network_check(provider, noted(NETWORK_RBAC, _KEY, f"{prefix}ns["))
    body = encode(Filter(name="envoy.filters.network.ext_authz", typed_config=pack_any(asks)))
    yield NetworkFilterPart(_PHASE, body, SIDES, routed=False, origins=origins)


def _refusing(authorizer: Authorizer, domains: TrustDomains, memo: Memo) -> Iterator[FilterPart]:
    """Istio's names say why."""
    names = f"istio-ext-authz-{authorizer.name}-", "-deny-due-to-bad-CUSTOM-action"
    requests, connections = (_rules(_ENFORCED, authorizer, *names, domains, memo, tcp=tcp) for tcp in (False, True))
    origins = authorizer.origins
    yield HttpFilterPart(_PHASE, http_rbac(HttpRbac(), requests), SIDES, origins=origins)
    refuses = network_rbac(NetworkRbac(stat_prefix=STAT_PREFIX), connections)
    yield NetworkFilterPart(_PHASE, refuses, SIDES, routed=False, origins=origins)


def _rules(
    number: int, authorizer: Authorizer, prefix: str, suffix: str, domains: TrustDomains, memo: Memo, *, tcp: bool
) -> bytes:
    """The rules of all policies, as the field of this number of a role-based filter."""
    entries = (memo(_entries, policy, domains, tcp, prefix, suffix) for policy in authorizer.policies)
    return field(number, b"".join((encode(Rbac(action=RbacAction.DENY)), *entries)))


def _entries(policy: AuthorizationPolicy, domains: TrustDomains, tcp: bool, prefix: str, suffix: str) -> bytes:
    return encoded_rules(policy, domains, tcp=tcp, prefix=prefix, suffix=suffix)
