"""What selected workloads give to a service. Services that select alike share it: it is worked out once for all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple, TypeAlias

from xds.config.fold_workloads import WorkloadIndex
from xds.config.objects import Objects
from xds.config.workload_endpoint import is_reachable, workload_endpoint
from xds.model.labels import Labels
from xds.model.services import Endpoint, Service, ServicePort, Workload

Endpoints: TypeAlias = tuple[Endpoint, ...]

_POD: Final = "Pod"


class Selection(NamedTuple):
    """Some workloads of a namespace. without_pods: these are listed otherwise."""

    namespace: str
    selector: Labels
    without_pods: bool = False


class Selections:
    """The workloads at one moment, by who selects them. Remembers all that it was asked for."""

    def __init__(self, workloads: WorkloadIndex, objects: Objects) -> None:
        """objects: all in force, to look workloads up in."""
        self._index = workloads
        self._objects = objects
        self._workloads: dict[Selection, tuple[Workload, ...]] = {}
        self._endpoints: dict[tuple[object, ...], Endpoints] = {}
        self._unreachable: dict[tuple[object, ...], tuple[Workload, ...]] = {}

    def workloads(self, selection: Selection) -> tuple[Workload, ...]:
        """Those that are selected, ordered by key."""
        found = self._workloads.get(selection)
        if found is None:
            keys = sorted(self._index.select(selection.namespace, selection.selector))
            counted = (self._objects[key] for key in keys if not (selection.without_pods and key.kind == _POD))
            found = self._workloads[selection] = tuple(each for each in counted if isinstance(each, Workload))
        return found

    def endpoints(self, selection: Selection, service: Service, port: ServicePort, previous: Endpoints) -> Endpoints:
        """The endpoints of a port. What equals a part of ``previous`` is that part, if it was the first to ask."""
        alike = (selection, service.resolution, service.meta.key.kind, port.number, port.target, port.name)
        found = self._endpoints.get(alike)
        if found is None:
            made = (workload_endpoint(service, port, each) for each in self.workloads(selection))
            found = self._endpoints[alike] = reused(unique(each for each in made if each is not None), previous)
        return previous if found == previous else found

    def unreachable(self, selection: Selection, service: Service) -> tuple[Workload, ...]:
        """The workloads that are left out because their address is a name that nobody resolves."""
        alike = (selection, service.resolution)
        found = self._unreachable.get(alike)
        if found is None:
            workloads = self.workloads(selection)
            found = tuple(each for each in workloads if not is_reachable(service, each.address))
            self._unreachable[alike] = found
        return found


def unique(endpoints: Iterable[Endpoint]) -> Endpoints:
    """Each address and port once, the first that was found."""
    by_address: dict[tuple[str, int], Endpoint] = {}
    for endpoint in endpoints:
        by_address.setdefault((endpoint.address, endpoint.port), endpoint)
    return tuple(by_address.values())


def reused(endpoints: Endpoints, previous: Endpoints) -> Endpoints:
    """``endpoints``, of which those that equal one of ``previous`` are that one; ``previous`` if all are the same."""
    if not previous:
        return endpoints
    known = {(endpoint.address, endpoint.port): endpoint for endpoint in previous}
    found = tuple(_same(endpoint, known.get((endpoint.address, endpoint.port))) for endpoint in endpoints)
    same = len(found) == len(previous) and all(new is old for new, old in zip(found, previous, strict=True))
    return previous if same else found


def _same(endpoint: Endpoint, previous: Endpoint | None) -> Endpoint:
    return previous if previous is not None and previous == endpoint else endpoint
