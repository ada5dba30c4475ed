"""What only the whole configuration shows to be wrong with a service."""

from __future__ import annotations

from collections.abc import Iterator

from xds.config.objects import EndpointList
from xds.config.standing import Declared, Standing, at_port
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.objects import ObjectMeta
from xds.model.services import Resolution, ServiceEndpoints, Workload


def findings_of(
    standing: Standing,
    lists: tuple[EndpointList, ...],
    endpoints: ServiceEndpoints | None,
    unreachable: tuple[Workload, ...],
) -> tuple[Diagnostic, ...]:
    """Everything there is to say about one service."""
    leader = standing.leader
    return (
        *(_ignored_rival(rival, leader) for rival in standing.rivals),
        *(finding for member in standing.members[1:] for finding in _hidden_ports(member, standing)),
        *(orphan(each) for each in lists if not leader.is_kubernetes),
        *(_unresolved(workload, leader) for workload in unreachable),
        *((_without_endpoints(leader),) if endpoints is None and _expects_endpoints(leader) else ()),
    )


def orphan(endpoints: EndpointList) -> Diagnostic:
    """That a list belongs to no Service."""
    reason = f"there is no Service {endpoints.service} in namespace {endpoints.meta.namespace}: this has no effect"
    return _finding(Severity.INFO, endpoints.meta, reason, "no-service")


def _expects_endpoints(declared: Declared) -> bool:
    service = declared.service
    return service.selector is not None and service.resolution is not Resolution.NONE and bool(service.ports)


def _ignored_rival(rival: Declared, winner: Declared) -> Diagnostic:
    joining = "resolution STATIC" if winner.is_kubernetes else "the same resolution, workloadSelector and exportTo"
    reason = f"{_taken(rival.service.hostname, winner)}, which stays in force; only with {joining} would this add to it"
    return _finding(Severity.WARNING, rival.by.meta, reason, "duplicate-host", "spec.hosts")


def _hidden_ports(member: Declared, standing: Standing) -> Iterator[Diagnostic]:
    """What a declaration that joins others says of ports without effect."""
    counted = {port: at_port(standing, port) for port in standing.service.ports}
    served = {own: port for port, members in counted.items() for each, own in members if each is member}
    for index, own in enumerate(member.service.ports):
        port = served.get(own)
        if port is None:
            reason = f"{standing.leader.by.meta.key} has no such port: this one has no effect"
        elif not standing.leader.is_kubernetes and (port.name, port.protocol) != (own.name, own.protocol):
            reason = f"port {port.number} of {standing.service.hostname} is {port.name} ({port.protocol.value}) already"
        else:
            continue
        yield _finding(Severity.WARNING, member.by.meta, reason, "duplicate-host", f"spec.ports[{index}]")


def _taken(hostname: str, by: Declared) -> str:
    return f"{hostname} is declared by {by.by.meta.key} at {by.by.meta.origin} already"


def _unresolved(workload: Workload, declared: Declared) -> Diagnostic:
    reason = f"{workload.address} is a name, which nobody resolves for {declared.by.meta.key}: it is left out there"
    return _finding(Severity.WARNING, workload.meta, reason, "unresolved-address", "spec.address")


def _without_endpoints(declared: Declared) -> Diagnostic:
    path = "spec.selector" if declared.is_kubernetes else "spec.workloadSelector"
    reason = "selects no Pod or WorkloadEntry that has its ports: the service has no endpoints"
    return _finding(Severity.INFO, declared.by.meta, reason, "no-endpoints", path)


def _finding(severity: Severity, meta: ObjectMeta, reason: str, code: str, path: str = "") -> Diagnostic:
    return Diagnostic(severity, meta.origin, reason, meta.key, path, code)
