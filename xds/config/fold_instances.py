"""What each address serves of which services: what makes a proxy's inbound listeners.

Readiness does not matter, as the proxy must be ready before its workload is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import TypeAlias

from xds.config.drafts import Draft
from xds.config.fold_selection import Endpoints
from xds.config.workload_endpoint import is_numeric
from xds.model.services import Service, ServiceEndpoints, ServiceInstance, ServiceKey

Instances: TypeAlias = tuple[ServiceInstance, ...]

_Ports: TypeAlias = Mapping[str, tuple[int, ...]]
"""By address, the ports that it listens on."""


class InstanceDraft:
    """A changed version of the instances by address.

    Services often share their endpoints, as the same objects: how these differ from what they were is found out once.
    """

    def __init__(self, before: Mapping[str, Instances]) -> None:
        self._before = before
        self._changed: dict[str, dict[ServiceKey, Instances]] = {}
        self._ports: dict[int, tuple[Endpoints, _Ports]] = {}
        self._differences: dict[tuple[int, int], tuple[Endpoints, Endpoints, AbstractSet[str]]] = {}

    def move(
        self,
        key: ServiceKey,
        old: tuple[Service, ServiceEndpoints] | None,
        new: tuple[Service, ServiceEndpoints] | None,
    ) -> None:
        """A service and its endpoints, as they were and as they are; None where there are none."""
        for address in self._touched(old, new):
            self._changed.setdefault(address, {})[key] = (
                tuple(self._of_address(new, address)) if new is not None else ()
            )

    def done(self) -> Mapping[str, Instances]:
        """The result; the original mapping if nothing changed."""
        result = Draft(self._before)
        for address, changed in self._changed.items():
            before = result.get(address) or ()
            others = (each for each in before if each.service not in changed)
            now = sorted((*others, *(each for own in changed.values() for each in own)), key=_order)
            if tuple(now) != before:
                result.set(address, tuple(now) or None)
        return result.done()

    def _touched(
        self, old: tuple[Service, ServiceEndpoints] | None, new: tuple[Service, ServiceEndpoints] | None
    ) -> AbstractSet[str]:
        """The addresses of which something may be different."""
        before, now = (of[1].by_port if of is not None else {} for of in (old, new))
        same_service = old is not None and new is not None and old[0] is new[0]
        touched: set[str] = set()
        for number in before.keys() | now.keys():
            one, other = before.get(number, ()), now.get(number, ())
            touched |= (
                self._difference(one, other)
                if same_service
                else self._by_address(one).keys() | self._by_address(other).keys()
            )
        return touched

    def _difference(self, one: Endpoints, other: Endpoints) -> AbstractSet[str]:
        if one is other:
            return frozenset()
        known = self._differences.get((id(one), id(other)))
        if known is None:
            before, now = self._by_address(one), self._by_address(other)
            changed = {address for address in before.keys() | now.keys() if before.get(address) != now.get(address)}
            known = self._differences[id(one), id(other)] = (one, other, changed)
        return known[2]

    def _by_address(self, endpoints: Endpoints) -> _Ports:
        known = self._ports.get(id(endpoints))
        if known is None:
            ports: dict[str, tuple[int, ...]] = {}
            for endpoint in endpoints:
                if endpoint.port and is_numeric(endpoint.address):
                    ports[endpoint.address] = (*ports.get(endpoint.address, ()), endpoint.port)
            known = self._ports[id(endpoints)] = (endpoints, ports)
        return known[1]

    def _of_address(self, of: tuple[Service, ServiceEndpoints], address: str) -> Iterator[ServiceInstance]:
        service, endpoints = of
        for port in service.ports:
            for number in self._by_address(endpoints.by_port.get(port.number, ())).get(address, ()):
                yield ServiceInstance(service.key, port, number)


def _order(instance: ServiceInstance) -> tuple[ServiceKey, int]:
    return instance.service, instance.port.number
