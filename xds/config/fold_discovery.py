"""The fold of service discovery: services, workloads and lists to the endpoints of every service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from xds.config.drafts import Draft, ShardedDraft
from xds.config.fold_endpoints import Sources
from xds.config.fold_findings import findings_of, orphan
from xds.config.fold_instances import InstanceDraft, Instances
from xds.config.fold_lists import Change as ListChange
from xds.config.fold_lists import ListIndex, ServiceName
from xds.config.fold_selection import Selections
from xds.config.fold_services import Change as ServiceChange
from xds.config.fold_services import ServiceIndex
from xds.config.fold_workloads import Change as WorkloadChange
from xds.config.fold_workloads import WorkloadIndex
from xds.config.objects import EndpointList, Objects
from xds.model.diagnostic import Diagnostic
from xds.model.services import Resolution, Service, ServiceEndpoints, ServiceKey


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """What changed of each sort of object that has to do with endpoints, as pairs of old and new."""

    services: tuple[ServiceChange, ...] = ()
    workloads: tuple[WorkloadChange, ...] = ()
    lists: tuple[ListChange, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Discovery:
    """Everything known about services and endpoints.

    located: the endpoints of every service. endpoints: those that Envoy is told, so not of services with resolution
    NONE. instances: by address, what it serves. findings: by service. touched: the services that the last update was
    about.
    """

    services: ServiceIndex = field(default_factory=ServiceIndex)
    workloads: WorkloadIndex = field(default_factory=WorkloadIndex)
    lists: ListIndex = field(default_factory=ListIndex)
    located: Mapping[ServiceKey, ServiceEndpoints] = field(default_factory=dict)
    endpoints: Mapping[ServiceKey, ServiceEndpoints] = field(default_factory=dict)
    instances: Mapping[str, Instances] = field(default_factory=dict)
    findings: Mapping[ServiceKey, tuple[Diagnostic, ...]] = field(default_factory=dict)
    touched: AbstractSet[ServiceKey] = frozenset()

    def update(self, changes: Changes, objects: Objects, domain_suffix: str) -> Discovery:
        """The state after ``changes``; the same one if there are none. objects: all in force now."""
        services, touched = self.services.update(changes.services)
        workloads = self.workloads.update(changes.workloads)
        lists, named = self.lists.update(changes.lists)
        touched |= _affected_by(changes.workloads, services)
        touched |= {kubernetes_service(name, domain_suffix) for name in named | _referring(changes.workloads, lists)}
        if not touched and workloads is self.workloads:
            return self
        return _Relocation(self, Indexes(services, workloads, lists, objects, domain_suffix)).run(touched)


def kubernetes_service(name: ServiceName, domain_suffix: str) -> ServiceKey:
    """The key of a Kubernetes Service."""
    return ServiceKey(f"{name.name}.{name.namespace}.svc.{domain_suffix}", name.namespace)


def _affected_by(changes: Iterable[WorkloadChange], services: ServiceIndex) -> set[ServiceKey]:
    workloads = (workload for change in changes for workload in change if workload is not None)
    return {key for workload in workloads for key in services.select(workload.meta.key.namespace, workload.labels)}


def _referring(changes: Iterable[WorkloadChange], lists: ListIndex) -> set[ServiceName]:
    keys = (workload.meta.key for change in changes for workload in change if workload is not None)
    return {name for key in keys for name in lists.referrers.get(key, ())}


@dataclass(frozen=True, slots=True, eq=False)
class Indexes:
    """What the endpoints are found in."""

    services: ServiceIndex
    workloads: WorkloadIndex
    lists: ListIndex
    objects: Objects
    domain_suffix: str

    def lists_of(self, key: ServiceKey) -> tuple[EndpointList, ...]:
        """The endpoint lists for a service's key; none if it is not a Kubernetes Service's."""
        name = ServiceName(key.namespace, key.hostname.partition(".")[0])
        return self.lists.lists.get(name, ()) if kubernetes_service(name, self.domain_suffix) == key else ()


class _Relocation:
    """One update of the endpoints of the services that something touched."""

    def __init__(self, before: Discovery, indexes: Indexes) -> None:
        self._before = before
        self._indexes = indexes
        self._selections = Selections(indexes.workloads, indexes.objects)
        self._located = Draft(before.located)
        self._endpoints = ShardedDraft(before.endpoints)
        self._instances = InstanceDraft(before.instances)
        self._findings = Draft(before.findings)

    def run(self, touched: set[ServiceKey]) -> Discovery:
        for key in touched:
            self._relocate(key)
        return Discovery(
            services=self._indexes.services,
            workloads=self._indexes.workloads,
            lists=self._indexes.lists,
            located=self._located.done(),
            endpoints=self._endpoints.done(),
            instances=self._instances.done(),
            findings=self._findings.done(),
            touched=touched,
        )

    def _relocate(self, key: ServiceKey) -> None:
        standing = self._indexes.services.standing.get(key)
        lists = self._indexes.lists_of(key)
        before = self._located.get(key)
        found: ServiceEndpoints | None = None
        if standing is None:
            self._findings.set(key, tuple(map(orphan, lists)) or None)
        else:
            of_service = lists if standing.leader.is_kubernetes else ()
            sources = Sources(standing, of_service, self._selections, self._indexes.objects)
            found = sources.endpoints(before)
            self._findings.set(key, findings_of(standing, lists, found, sources.unreachable()) or None)
        service = standing.service if standing is not None else None
        self._located.set(key, found)
        self._endpoints.set(key, found if service is not None and service.resolution is not Resolution.NONE else None)
        self._instances.move(key, _serving(self._before.services.find(key), before), _serving(service, found))


def _serving(service: Service | None, endpoints: ServiceEndpoints | None) -> tuple[Service, ServiceEndpoints] | None:
    return (service, endpoints) if service is not None and endpoints is not None else None
