"""Gateways that no proxy runs, and servers that the Service in front of the proxy does not lead to."""

from __future__ import annotations

from collections.abc import Iterator

from xds.config.analysis.subject import Selectable, Subject
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.gateways import Gateway
from xds.model.services import Service


def analyse(subject: Subject) -> Iterator[Diagnostic]:
    """Selectors without a proxy (IST0101) and ports that no Service has (IST0162)."""
    for gateway in subject.mesh.gateways:
        picked = [each for each in subject.everything_selectable() if gateway.selector.selects(each.labels)]
        if not picked:
            written = ", ".join(f"{name}={value}" for name, value in gateway.selector.items()) or "any labels"
            reason = f"no Pod, WorkloadEntry or connected proxy has the labels {written}: nothing runs this gateway yet"
            yield subject.finding(
                gateway.meta.key, ("spec", "selector"), Severity.INFO, reason, "unknown-gateway-workload"
            )
        yield from _unreachable_ports(subject, gateway, picked)


def _unreachable_ports(subject: Subject, gateway: Gateway, picked: list[Selectable]) -> Iterator[Diagnostic]:
    in_front = [service for service in subject.mesh.services if _leads_to_any(service, picked)]
    if not in_front:
        return
    reached = {number for service in in_front for port in service.ports for number in (port.number, port.target)}
    names = ", ".join(sorted(service.hostname for service in in_front))
    for server in gateway.servers:
        if server.port.number not in reached:
            number = server.port.number
            reason = f"port {number} is no port of {names}: it can be reached at the proxy's own address only"
            yield Diagnostic(
                Severity.WARNING, server.origin, reason, gateway.meta.key, "spec.servers", "port-not-on-service"
            )


def _leads_to_any(service: Service, picked: list[Selectable]) -> bool:
    selector = service.selector
    if not selector:
        return False
    return any(each.namespace == service.meta.namespace and selector.selects(each.labels) for each in picked)
