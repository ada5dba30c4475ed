"""What routes need, and who provides it: declarations of services the services, DestinationRules their subsets."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from xds.config.needs import Need
from xds.config.objects import ConfigObject, ServiceDeclaration
from xds.model.hosts import host_matches
from xds.model.policy import DestinationRule, Subset
from xds.model.services import Service

Provider = DestinationRule | ServiceDeclaration


def offered_by(item: ConfigObject | None) -> frozenset[Need]:
    """Everything that an object provides. Hosts may be wildcards here."""
    match item:
        case DestinationRule():
            return frozenset(Need(item.host, subset.name) for subset in item.subsets)
        case ServiceDeclaration():
            return frozenset(Need(service.hostname) for service in item.services)
        case _:
            return frozenset()


def hosts_of(item: ConfigObject | None) -> frozenset[str]:
    """The hosts that an object is about; they may be wildcards."""
    match item:
        case DestinationRule():
            return frozenset((item.host,))
        case ServiceDeclaration():
            return frozenset(service.hostname for service in item.services)
        case _:
            return frozenset()


def offers(item: ConfigObject | None, need: Need) -> bool:
    """Whether an object provides this."""
    match item:
        case DestinationRule():
            found = bool(need.subset) and any(subset.name == need.subset for subset in item.subsets)
            return found and host_matches(item.host, need.host)
        case ServiceDeclaration():
            return not need.subset and any(host_matches(service.hostname, need.host) for service in item.services)
        case _:
            return False


def with_kept(newest: ConfigObject | None, former: Provider, needs: Collection[Need]) -> Provider | None:
    """``newest`` with what ``former`` provides of ``needs``, or nothing but that if there is no newest.

    None if that cannot be in one object: a rule that is about another host now.
    """
    match former, newest:
        case DestinationRule(), None:
            return replace(former, subsets=_subsets(former, needs))
        case DestinationRule(), DestinationRule() if newest.host == former.host:
            return replace(newest, subsets=newest.subsets + _subsets(former, needs))
        case ServiceDeclaration(), None:
            return replace(former, services=_services(former, needs))
        case ServiceDeclaration(), ServiceDeclaration():
            return replace(newest, services=newest.services + _services(former, needs))
        case _:
            return None


def _subsets(rule: DestinationRule, needs: Collection[Need]) -> tuple[Subset, ...]:
    names = {need.subset for need in needs}
    return tuple(subset for subset in rule.subsets if subset.name in names)


def _services(declaration: ServiceDeclaration, needs: Collection[Need]) -> tuple[Service, ...]:
    return tuple(
        service
        for service in declaration.services
        if any(not need.subset and host_matches(service.hostname, need.host) for need in needs)
    )
