"""The fold of service discovery: services, workloads and lists to the endpoints of every service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TypeAlias

from xds.config.drafts import Draft, ShardedDraft
from xds.config.fold_endpoints import Sources, endpoints_of, instances_of, sources_of, unreachable
from xds.config.fold_findings import findings_of, orphan
from xds.config.fold_lists import Change as ListChange
from xds.config.fold_lists import ListIndex, ServiceName
from xds.config.fold_services import Change as ServiceChange
from xds.config.fold_services import Declared, ServiceIndex
from xds.config.fold_workloads import Change as WorkloadChange
from xds.config.fold_workloads import WorkloadIndex
from xds.config.objects import EndpointList, Objects
from xds.model.diagnostic import Diagnostic
from xds.model.services import Resolution, ServiceEndpoints, ServiceInstance, ServiceKey

Instances: TypeAlias = tuple[ServiceInstance, ...]


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
    NONE. hosted: by service, what each address serves of it; instances: the same by address. findings: by service.
    touched: the services that the last update was about.
    """

    services: ServiceIndex = field(default_factory=ServiceIndex)
    workloads: WorkloadIndex = field(default_factory=WorkloadIndex)
    lists: ListIndex = field(default_factory=ListIndex)
    located: Mapping[ServiceKey, ServiceEndpoints] = field(default_factory=dict)
    endpoints: Mapping[ServiceKey, ServiceEndpoints] = field(default_factory=dict)
    hosted: Mapping[ServiceKey, Mapping[str, Instances]] = field(default_factory=dict)
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

    def sources_of(self, declared: Declared, lists: tuple[EndpointList, ...]) -> Sources:
        """Where the endpoints of a service may come from."""
        service = declared.service
        selected = self.workloads.select(service.meta.namespace, service.selector) if service.selector else ()
        return sources_of(declared, lists if service.meta.key.kind == "Service" else (), selected, self.objects)


class _Relocation:
    """One update of the endpoints of the services that something touched."""

    def __init__(self, before: Discovery, indexes: Indexes) -> None:
        self._indexes = indexes
        self._located = Draft(before.located)
        self._endpoints = ShardedDraft(before.endpoints)
        self._hosted = Draft(before.hosted)
        self._instances = Draft(before.instances)
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
            hosted=self._hosted.done(),
            instances=self._instances.done(),
            findings=self._findings.done(),
            touched=touched,
        )

    def _relocate(self, key: ServiceKey) -> None:
        declared = self._indexes.services.declared.get(key, ())
        lists = self._indexes.lists_of(key)
        if not declared:
            self._located.set(key, None)
            self._endpoints.set(key, None)
            self._host(key, {})
            self._findings.set(key, tuple(map(orphan, lists)) or None)
            return
        sources = self._indexes.sources_of(declared[0], lists)
        service = declared[0].service
        found = endpoints_of(sources, self._located.get(key))
        self._located.set(key, found)
        self._endpoints.set(key, found if service.resolution is not Resolution.NONE else None)
        self._host(key, instances_of(service, found))
        self._findings.set(key, findings_of(declared, lists, found, unreachable(sources)) or None)

    def _host(self, key: ServiceKey, now: Mapping[str, Instances]) -> None:
        before = self._hosted.get(key) or {}
        if before == now:
            return
        self._hosted.set(key, now or None)
        for address in before.keys() | now.keys():
            if before.get(address) != now.get(address):
                self._instances.set(address, self._merged(address, key, now.get(address, ())))

    def _merged(self, address: str, key: ServiceKey, own: Instances) -> Instances | None:
        others = tuple(each for each in self._instances.get(address) or () if each.service != key)
        return tuple(sorted((*others, *own), key=_order)) if others or len(own) > 1 else own or None


def _order(instance: ServiceInstance) -> tuple[ServiceKey, int]:
    return instance.service, instance.port.number
