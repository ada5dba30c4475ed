"""Which credentials an object asks for, where it says so, and the proxies of which namespaces have to have them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from xds.config.objects import ConfigObject
from xds.model.credential_names import Wanted, wanted_by_client, wanted_by_server
from xds.model.credentials import bare_name
from xds.model.gateways import Gateway
from xds.model.labels import Labels
from xds.model.objects import ObjectMeta, Place
from xds.model.policy import ClientTLSSettings, DestinationRule

_LEFT_OUT: Final = "the server is left out"
_ONE_OF_SEVERAL: Final = "the server does with the others, and is left out without any"


@dataclass(frozen=True, slots=True)
class Use:
    """A credential that is asked for. place: of the field that names it. outcome: what happens without it."""

    wanted: Wanted
    place: Place
    outcome: str


@dataclass(frozen=True, slots=True)
class User:
    """An object that asks for credentials. namespace: of the proxies that it is for, empty if that depends on where
    they run; selector: of the labels that they have, if it says it."""

    meta: ObjectMeta
    uses: tuple[Use, ...]
    namespace: str = ""
    selector: Labels | None = None


def user_of(item: ConfigObject | None) -> User | None:
    """What an object asks for; None if nothing."""
    match item:
        case Gateway():
            uses = tuple(_of_servers(item))
            return User(item.meta, uses, selector=item.selector or None) if uses else None
        case DestinationRule():
            uses = tuple(_of_rule(item))
            chosen = item.meta.namespace if item.workload_selector is not None else ""
            return User(item.meta, uses, chosen) if uses else None
        case _:
            return None


def _of_servers(gateway: Gateway) -> Iterator[Use]:
    for server in gateway.servers:
        if server.tls is not None:
            places = {bare_name(name): place for name, place in server.tls.credential_places.items()}
            has_others = len(server.tls.certificate_credentials) > 1
            for wanted in wanted_by_server(server.tls):
                place = places.get(wanted.name) or Place(server.origin, "spec.servers")
                yield Use(wanted, place, _ONE_OF_SEVERAL if has_others and not wanted.is_authority else _LEFT_OUT)


def _of_rule(rule: DestinationRule) -> Iterator[Use]:
    for policy in (rule.traffic_policy, *(subset.traffic_policy for subset in rule.subsets)):
        if policy is not None:
            for tls in (policy.tls, *(level.tls for level in policy.port_level.values())):
                yield from _of_client(tls, rule)


def _of_client(tls: ClientTLSSettings | None, rule: DestinationRule) -> Iterator[Use]:
    if tls is not None:
        place = tls.credential_place or Place(rule.meta.origin, "spec")
        for wanted in wanted_by_client(tls):
            yield Use(wanted, place, "connections fail")
