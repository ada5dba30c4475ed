"""Which credentials a proxy may have: those that its own configuration asks for, from its own namespace.

Istio's rules: a gateway has those that the servers it runs, and the rules for the services that it calls, name; a
sidecar those of rules that are meant for its workload. Nobody has any other, whatever it asks for, and nobody any to
whom they would be sent in plain text from one machine to another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from xds.model.credential_names import Wanted, wanted_by_client, wanted_by_server
from xds.model.credentials import NO_CREDENTIALS, Credential, Credentials
from xds.model.gateway_ports import ListeningPort
from xds.model.policy import ClientTLSSettings
from xds.model.proxy import ProxyType
from xds.model.view import EffectiveRule, ViewKey, VisibleService
from xds.pipeline.memo import Memo


def credentials_for(
    by_namespace: Mapping[str, tuple[Credential, ...]],
    key: ViewKey,
    services: tuple[VisibleService, ...],
    listening: tuple[ListeningPort, ...],
    memo: Memo,
) -> Credentials:
    """The credentials of a proxy. services: those that it may call. listening: what it runs of Gateways."""
    own = by_namespace.get(key.namespace)
    if not own or key.proxyless or key.overheard:
        return NO_CREDENTIALS
    wanted = memo(_wanted_for, services, key.type is ProxyType.ROUTER) | memo(_wanted_by_servers, listening)
    return memo(_found, own, _same(wanted)) if wanted else NO_CREDENTIALS


def _wanted_for(services: tuple[VisibleService, ...], is_gateway: bool) -> frozenset[Wanted]:
    asking = (each.rule for each in services if each.rule is not None and (is_gateway or each.rule.selective))
    return frozenset(wanted for rule in asking for tls in _settings_of(rule) for wanted in wanted_by_client(tls))


def _wanted_by_servers(listening: tuple[ListeningPort, ...]) -> frozenset[Wanted]:
    running = (each.server for port in listening for each in port.servers)
    return frozenset(wanted for server in running if server.tls is not None for wanted in wanted_by_server(server.tls))


def _settings_of(rule: EffectiveRule) -> Iterator[ClientTLSSettings | None]:
    for policy in (rule.traffic_policy, *(subset.traffic_policy for subset in rule.subsets)):
        if policy is not None:
            yield policy.tls
            yield from (level.tls for level in policy.port_level.values())


@lru_cache(maxsize=1024)
def _same(wanted: frozenset[Wanted]) -> frozenset[Wanted]:
    """The same object for equal sets, as the memo tells them apart by identity."""
    return wanted


def _found(own: tuple[Credential, ...], wanted: frozenset[Wanted]) -> Credentials:
    namespace = own[0].meta.namespace
    objects = {each.meta.key: each for each in own}
    found = [(each, each.find(namespace, objects)) for each in sorted(wanted)]
    sound = [(each, credential) for each, credential in found if credential and each.is_met_by(credential)]
    return Credentials(
        {each.name: credential for each, credential in sound if not each.is_authority},
        {each.name: credential for each, credential in sound if each.is_authority},
    )
