"""The rules of a VirtualService as one kind of client sees them: everything that its routes depend on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from xds.model.labels import EMPTY_LABELS, Labels
from xds.model.routing import HTTPRetry, VirtualService
from xds.model.view import ViewKey, VisibleService
from xds.pipeline.memo import Memo

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class ServiceIndex:
    """The services that a proxy may see, by host name. retries: the mesh's, where a rule says nothing of them."""

    by_host: Mapping[str, VisibleService]
    retries: HTTPRetry | None = None


def index_services(services: tuple[VisibleService, ...], retries: HTTPRetry | None) -> ServiceIndex:
    """``services`` by host name; a host name is unique among what a proxy may see."""
    return ServiceIndex({visible.service.hostname: visible for visible in services}, retries)


@dataclass(frozen=True, slots=True, eq=False)
class ClientRules:
    """A VirtualService for clients that come through ``gateway`` (``mesh`` or ``namespace/name``).

    namespace, labels: of the clients; labels are empty if no rule asks for them, so that more clients share what is
    built. targets: the services that it sends traffic to, as far as they can be seen. retries: the mesh's default.
    """

    virtual_service: VirtualService
    gateway: str
    namespace: str
    labels: Labels
    targets: tuple[VisibleService, ...]
    retries: HTTPRetry | None = None

    def target(self, hostname: str) -> VisibleService | None:
        """The service of this name if it can be seen."""
        return next((target for target in self.targets if target.service.hostname == hostname), None)


def client_rules(
    virtual_service: VirtualService, gateway: str, key: ViewKey, index: ServiceIndex, memo: Memo
) -> ClientRules:
    """The rules for the clients of a proxy. Equal inputs give the same object."""
    hosts = dict.fromkeys(_destinations(virtual_service))
    targets = memo(interned, *(index.by_host[host] for host in hosts if host in index.by_host))
    labels = key.labels if _depends_on_labels(virtual_service) else EMPTY_LABELS
    return memo(ClientRules, virtual_service, gateway, key.namespace, labels, targets, index.retries)


def interned(*items: T) -> tuple[T, ...]:
    """A tuple that is the same object for the same items, if a memo is asked for it."""
    return items


def _destinations(virtual_service: VirtualService) -> Iterator[str]:
    for rule in virtual_service.http:
        yield from (target.destination.host for target in rule.route)
        yield from (mirror.destination.host for mirror in rule.mirrors)
    for l4_rule in (*virtual_service.tls, *virtual_service.tcp):
        yield from (target.destination.host for target in l4_rule.route)


def _depends_on_labels(virtual_service: VirtualService) -> bool:
    l4_rules = (*virtual_service.tls, *virtual_service.tcp)
    return any(match.source_labels for rule in virtual_service.http for match in rule.match) or any(
        match.source_labels for rule in l4_rules for match in rule.match
    )
