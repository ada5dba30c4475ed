"""VirtualServices that name gateways, hosts or ports in a way that cannot work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from xds.config.analysis.subject import Subject
from xds.config.kinds.kind import ISTIO_NETWORKING
from xds.config.reader import Reader
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.gateways import Gateway
from xds.model.hosts import host_matches, resolve_short_name
from xds.model.routing import MESH_GATEWAY, VirtualService

_RULES: Final = ("http", "tls", "tcp")


def analyse(subject: Subject) -> Iterator[Diagnostic]:
    """Gateways that do not exist or do not have the hosts (IST0101, IST0132), ports that are not told (IST0112)."""
    gateways = {gateway.ref: gateway for gateway in subject.mesh.gateways}
    for virtual_service in subject.mesh.virtual_services:
        for number, ref in enumerate(virtual_service.gateways):
            if ref != MESH_GATEWAY:
                yield from _of_gateway(subject, virtual_service, number, ref, gateways.get(ref))
    for reader in subject.readers("VirtualService", ISTIO_NETWORKING):
        for destination in _destinations(reader.section("spec")):
            yield from _ambiguous_port(subject, destination)


def _of_gateway(
    subject: Subject, virtual_service: VirtualService, number: int, ref: str, gateway: Gateway | None
) -> Iterator[Diagnostic]:
    key, warning = virtual_service.meta.key, Severity.WARNING
    if gateway is None:
        reason = f"there is no Gateway {ref}: nothing reaches these routes through it"
        yield subject.finding(key, ("spec", "gateways", number), Severity.ERROR, reason, "unknown-gateway")
        return
    for index, host in enumerate(virtual_service.hosts):
        if not _exposes(gateway, virtual_service.meta.namespace, host):
            reason = f"no server of Gateway {ref} at {gateway.meta.origin} has the host {host} for this namespace"
            yield subject.finding(key, ("spec", "hosts", index), warning, reason, "host-not-in-gateway")


def _exposes(gateway: Gateway, namespace: str, host: str) -> bool:
    selectors = (selector for server in gateway.servers for selector in server.hosts)
    return any(
        selector.namespace in ("*", namespace)
        and (host_matches(selector.host, host) or host_matches(host, selector.host))
        for selector in selectors
    )


def _destinations(spec: Reader) -> Iterator[Reader]:
    for rule in (rule for rules in _RULES for rule in spec.items(rules)):
        yield from (target.section("destination") for target in rule.items("route"))
        yield from (mirror.section("destination") for mirror in rule.items("mirrors"))
        if rule.has("mirror"):
            yield rule.section("mirror")


def _ambiguous_port(subject: Subject, destination: Reader) -> Iterator[Diagnostic]:
    if destination.has("port"):
        return
    raw, domain = destination.raw, subject.mesh.settings.domain_suffix
    host = resolve_short_name(destination.text("host"), raw.namespace, domain)
    services = subject.services_matching(host)
    ports = sorted({port.number for service in services for port in service.ports})
    if services and min(len(service.ports) for service in services) > 1:
        listed = ", ".join(map(str, ports))
        reason = f"{host} has the ports {listed}, and the destination does not say which"
        yield subject.finding(raw.key, destination.path, Severity.ERROR, reason, "port-required")
