"""The endpoints of one service: from lists, from the workloads that it selects, from its own objects, or its own name.

Istio's rules: where a Kubernetes Service has lists, they stand for its Pods; workload entries come on top. An address
and port counts once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from xds.config.fold_selection import Endpoints, Selection, Selections, reused, unique
from xds.config.objects import ConfigObject, EndpointList, ListedAddress, Objects
from xds.config.standing import Declared, Standing, at_port
from xds.config.workload_endpoint import BY_NAME, workload_endpoint
from xds.model.labels import EMPTY_LABELS
from xds.model.services import Endpoint, Health, Service, ServiceEndpoints, ServicePort, Workload


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """Where the endpoints of one service may come from.

    lists: its endpoint lists, none if it is not Kubernetes'. objects: to look Pods up in.
    """

    standing: Standing
    lists: tuple[EndpointList, ...]
    selections: Selections
    objects: Objects

    def endpoints(self, previous: ServiceEndpoints | None) -> ServiceEndpoints | None:
        """All endpoints, None if there are none. What equals a part of ``previous`` is that part."""
        service = self.standing.service
        old = previous.by_port if previous else {}
        by_port = {port.number: self._published(port, old.get(port.number, ())) for port in service.ports}
        by_port = {number: found for number, found in by_port.items() if found}
        if not by_port:
            return None
        if previous and by_port.keys() == old.keys() and all(by_port[number] is old[number] for number in by_port):
            return previous
        return ServiceEndpoints(service.key, by_port)

    def unreachable(self) -> tuple[Workload, ...]:
        """The workloads that are left out because their address is a name that nobody resolves."""
        found: list[Workload] = []
        for member in self.standing.members:
            selection = self._selection(member)
            if selection is not None:
                found += self.selections.unreachable(selection, member.service)
        return tuple(found)

    def _published(self, port: ServicePort, previous: Endpoints) -> Endpoints:
        found = self._at_port(port, previous)
        if not self.standing.service.publish_not_ready:
            return found
        ready = (each if each.health is Health.HEALTHY else replace(each, health=Health.HEALTHY) for each in found)
        return reused(tuple(ready), previous)

    def _at_port(self, port: ServicePort, previous: Endpoints) -> Endpoints:
        selection = self._all_there_is()
        if selection is not None:
            return self.selections.endpoints(selection, self.standing.service, port, previous)
        members = at_port(self.standing, port)
        found = (each for member, own in members for group in self._groups(member, own, previous) for each in group)
        return reused(unique(found), previous)

    def _all_there_is(self) -> Selection | None:
        """What is selected, if there is no other source: then the endpoints are those of all that select alike."""
        alone = len(self.standing.members) == 1 and not self.lists and not self.standing.leader.inline
        return self._selection(self.standing.leader) if alone else None

    def _groups(self, member: Declared, port: ServicePort, previous: Endpoints) -> Iterator[Endpoints]:
        """What each source gives, in the order in which the first one of an address counts."""
        service = member.service
        if service.external_name:
            yield (Endpoint(service.external_name, port.number, namespace=service.meta.namespace),)
            return
        if member.is_kubernetes:
            yield tuple(_listed(self.lists, port, self.objects))
        selection = self._selection(member)
        if selection is not None:
            yield self.selections.endpoints(selection, service, port, previous)
        inline = (workload_endpoint(service, port, workload) for workload in member.inline)
        yield tuple(each for each in inline if each is not None)
        if service.resolution in BY_NAME and service.selector is None and not member.inline:
            yield (_itself(service, port),)

    def _selection(self, member: Declared) -> Selection | None:
        service = member.service
        if not service.selector:
            return None
        return Selection(service.meta.namespace, service.selector, bool(self.lists) and member.is_kubernetes)


def _itself(service: Service, port: ServicePort) -> Endpoint:
    target = port.target if isinstance(port.target, int) else port.number
    return Endpoint(service.hostname, target, namespace=service.meta.namespace)


def _listed(lists: tuple[EndpointList, ...], port: ServicePort, objects: Objects) -> Iterator[Endpoint]:
    for each in lists:
        namespace = each.meta.key.namespace
        for subset in each.subsets:
            number = subset.ports.get(port.name)
            if number is not None:
                for address in subset.addresses:
                    pod = objects.get(address.pod) if address.pod else None
                    yield _listed_endpoint(address, number, namespace, pod)


def _listed_endpoint(address: ListedAddress, port: int, namespace: str, pod: ConfigObject | None) -> Endpoint:
    locality = address.locality
    name = address.pod.name if address.pod else ""
    if not isinstance(pod, Workload):
        return Endpoint(address.address, port, EMPTY_LABELS, locality, 0, address.health, "", "", namespace, name)
    return Endpoint(
        address=address.address,
        port=port,
        labels=pod.labels,
        locality=pod.locality if any(pod.locality) else locality,
        health=address.health,
        network=pod.network,
        service_account=pod.service_account,
        namespace=namespace,
        workload=name,
    )
