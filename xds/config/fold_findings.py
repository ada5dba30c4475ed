"""What only the whole configuration shows to be wrong with a service."""

from __future__ import annotations

from xds.config.fold_services import Declared
from xds.config.objects import EndpointList
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.objects import ObjectMeta
from xds.model.services import Resolution, ServiceEndpoints, Workload


def findings_of(
    declared: tuple[Declared, ...],
    lists: tuple[EndpointList, ...],
    endpoints: ServiceEndpoints | None,
    unreachable: tuple[Workload, ...],
) -> tuple[Diagnostic, ...]:
    """Everything there is to say about one service. declared: the declaration in force, then those that are not."""
    winner, *rivals = declared
    return (
        *(_ignored_rival(rival, winner) for rival in rivals),
        *(orphan(each) for each in lists if not _is_kubernetes(winner)),
        *(_unresolved(workload, winner) for workload in unreachable),
        *((_without_endpoints(winner),) if endpoints is None and _expects_endpoints(winner) else ()),
    )


def orphan(endpoints: EndpointList) -> Diagnostic:
    """That a list belongs to no Service."""
    reason = f"there is no Service {endpoints.service} in namespace {endpoints.meta.namespace}: this has no effect"
    return _finding(Severity.INFO, endpoints.meta, reason, "no-service")


def _is_kubernetes(declared: Declared) -> bool:
    return declared.by.meta.key.kind == "Service"


def _expects_endpoints(declared: Declared) -> bool:
    service = declared.service
    return service.selector is not None and service.resolution is not Resolution.NONE and bool(service.ports)


def _ignored_rival(rival: Declared, winner: Declared) -> Diagnostic:
    where = winner.by.meta
    reason = f"{rival.service.hostname} is declared by {where.key} at {where.origin} already, which stays in force"
    return _finding(Severity.WARNING, rival.by.meta, reason, "duplicate-host", "spec.hosts")


def _unresolved(workload: Workload, declared: Declared) -> Diagnostic:
    reason = f"{workload.address} is a name, which nobody resolves for {declared.by.meta.key}: it is left out there"
    return _finding(Severity.WARNING, workload.meta, reason, "unresolved-address", "spec.address")


def _without_endpoints(declared: Declared) -> Diagnostic:
    path = "spec.selector" if _is_kubernetes(declared) else "spec.workloadSelector"
    reason = "selects no Pod or WorkloadEntry that has its ports: the service has no endpoints"
    return _finding(Severity.INFO, declared.by.meta, reason, "no-endpoints", path)


def _finding(severity: Severity, meta: ObjectMeta, reason: str, code: str, path: str = "") -> Diagnostic:
    return Diagnostic(severity, meta.origin, reason, meta.key, path, code)
