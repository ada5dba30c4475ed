"""Which of the objects that declare one service in one namespace are in force, and what they declare together.

Istio: a Kubernetes Service leads, or else the oldest ServiceEntry. ServiceEntries join a Service with their endpoints
alone, for its ports of the same name; and a ServiceEntry that is resolved and seen alike with ports and endpoints.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from xds.config.objects import ServiceDeclaration
from xds.model.services import Resolution, Service, ServicePort, Workload

_KUBERNETES = "Service"


class Declared(NamedTuple):
    """A service and the object that declares it."""

    service: Service
    by: ServiceDeclaration

    @property
    def inline(self) -> tuple[Workload, ...]:
        """The endpoints that the object lists."""
        return self.by.endpoints

    @property
    def is_kubernetes(self) -> bool:
        """Whether it is a Kubernetes Service."""
        return self.service.meta.key.kind == _KUBERNETES


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """All that is declared of one service.

    service: as it is in force. members: the declarations that it is made of, the leading one first. rivals: those that
    have no effect.
    """

    service: Service
    members: tuple[Declared, ...]
    rivals: tuple[Declared, ...] = ()

    @property
    def leader(self) -> Declared:
        """The declaration that decides everything but additional ports and endpoints."""
        return self.members[0]

    @property
    def declared(self) -> tuple[Declared, ...]:
        """Every declaration."""
        return self.members + self.rivals


def standing(declared: tuple[Declared, ...]) -> Standing:
    """What comes of declarations, of which there must be one at least, of one service."""
    if len(declared) == 1:
        return Standing(declared[0].service, declared)
    leader, *others = sorted(declared, key=_preference)
    members = (leader, *(each for each in others if _joins(each, leader)))
    rivals = tuple(each for each in others if each not in members)
    ports = _ports(members)
    alone = ports == leader.service.ports
    return Standing(leader.service if alone else replace(leader.service, ports=ports), members, rivals)


def _preference(declared: Declared) -> tuple[bool, tuple[float, str, str]]:
    return not declared.is_kubernetes, declared.service.meta.age_order


def _joins(other: Declared, leader: Declared) -> bool:
    one, first = other.service, leader.service
    if leader.is_kubernetes:
        return one.resolution is first.resolution is Resolution.STATIC
    return (one.resolution, one.selector, one.export_to) == (first.resolution, first.selector, first.export_to)


def _ports(members: tuple[Declared, ...]) -> tuple[ServicePort, ...]:
    """Of a port with the same number the first holds."""
    ports: dict[int, ServicePort] = {}
    for member in members[:1] if members[0].is_kubernetes else members:
        for port in member.service.ports:
            ports.setdefault(port.number, port)
    return tuple(ports.values())


def at_port(standing: Standing, port: ServicePort) -> Iterator[tuple[Declared, ServicePort]]:
    """The members that have endpoints for a port of the service in force, each with the port as it declares it."""
    for member in standing.members:
        own = _counterpart(member, port, by_name=standing.leader.is_kubernetes and bool(port.name))
        if own is not None:
            yield member, own


def _counterpart(member: Declared, port: ServicePort, *, by_name: bool) -> ServicePort | None:
    """The port of a joining ServiceEntry that stands for the leader's; the leader's own ports are what they are."""
    if by_name and not member.is_kubernetes:
        return next((own for own in member.service.ports if own.name == port.name), None)
    return member.service.port(port.number)
