"""What only the whole configuration shows to be wrong with a service."""

from __future__ import annotations

from xds.config.fold_services import Declared
from xds.config.objects import EndpointList
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.objects import ObjectMeta
from xds.model.services import Resolution, ServiceEndpoints


def findings_of(
    declared: tuple[Declared, ...], lists: tuple[EndpointList, ...], endpoints: ServiceEndpoints | None
) -> tuple[Diagnostic, ...]:
    """Everything there is to say about one host name of one namespace. declared: the declaration in force first."""
    orphans = () if declared and _is_kubernetes(declared[0]) else lists
    return (
        *(_ignored_rival(rival, declared[0]) for rival in declared[1:]),
        *(_orphan(each) for each in orphans),
        *(_without_endpoints(one) for one in declared[:1] if endpoints is None and _expects_endpoints(one)),
    )


def _is_kubernetes(declared: Declared) -> bool:
    return declared.by.meta.key.kind == "Service"


def _expects_endpoints(declared: Declared) -> bool:
    service = declared.service
    return service.selector is not None and service.resolution is not Resolution.NONE and bool(service.ports)


def _ignored_rival(rival: Declared, winner: Declared) -> Diagnostic:
    where = winner.by.meta
    reason = f"{rival.service.hostname} is declared by {where.key} at {where.origin} already, which stays in force"
    return _finding(Severity.WARNING, rival.by.meta, reason, "duplicate-host", "spec.hosts")


def _orphan(endpoints: EndpointList) -> Diagnostic:
    reason = f"there is no Service {endpoints.service} in namespace {endpoints.meta.namespace}: this has no effect"
    return _finding(Severity.INFO, endpoints.meta, reason, "no-service")


def _without_endpoints(declared: Declared) -> Diagnostic:
    path = "spec.selector" if _is_kubernetes(declared) else "spec.workloadSelector"
    reason = "selects no Pod or WorkloadEntry that has its ports: the service has no endpoints"
    return _finding(Severity.INFO, declared.by.meta, reason, "no-endpoints", path)


def _finding(severity: Severity, meta: ObjectMeta, reason: str, code: str, path: str = "") -> Diagnostic:
    return Diagnostic(severity, meta.origin, reason, meta.key, path, code)
