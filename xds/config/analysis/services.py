"""Services whose ports are named, or shared between services, in a way that surprises."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations

from xds.config.analysis.subject import Subject
from xds.config.kinds.protocol import protocol_from_port
from xds.config.reader import Reader
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.objects import ObjectKey
from xds.model.services import Protocol, ServiceInstance, ServiceKey


def analyse(subject: Subject) -> Iterator[Diagnostic]:
    """Port names that tell no protocol (IST0118, IST0150), and ports that services disagree on (IST0116, IST0137)."""
    for reader in subject.readers("Service"):
        yield from _port_names(subject, reader.section("spec"))
    yield from _disagreements(subject)


def _port_names(subject: Subject, spec: Reader) -> Iterator[Diagnostic]:
    for port in spec.items("ports"):
        if port.text("protocol", "TCP") != "TCP" or port.has("appProtocol"):
            continue
        name, number = port.text("name"), port.integer("port")
        protocol = protocol_from_port(None, name)
        key, path = spec.raw.key, (*port.path, "name")
        if spec.text("type") == "ExternalName":
            if protocol is Protocol.UNSUPPORTED or protocol.is_tcp:
                reason = f"port {number} of an ExternalName service is not HTTP: it would take every connection to it"
                yield subject.finding(key, path, Severity.WARNING, reason, "external-name-port")
        elif protocol is Protocol.UNSUPPORTED:
            named = f"the name {name!r} of port {number}" if name else f"port {number} has no name, which"
            reason = f"{named} tells no protocol: what is spoken is detected for each connection"
            yield subject.finding(key, path, Severity.INFO, reason, "undeclared-protocol")


def _disagreements(subject: Subject) -> Iterator[Diagnostic]:
    keys = {service.key: service.meta.key for service in subject.mesh.services}
    pairs = (pair for served in subject.mesh.instances.values() for pair in combinations(served, 2))
    different = ((one, other) for one, other in pairs if one.service != other.service)
    seen: dict[tuple[ServiceKey, ServiceKey, int, int], Diagnostic | None] = {}
    for one, other in different:
        mark = (one.service, other.service, one.port.number, other.port.number)
        if mark not in seen:
            seen[mark] = _disagreement(subject, one, other, keys)
    yield from (found for found in seen.values() if found is not None)


def _disagreement(
    subject: Subject, one: ServiceInstance, other: ServiceInstance, keys: Mapping[ServiceKey, ObjectKey]
) -> Diagnostic | None:
    if one.port.number == other.port.number and one.port.protocol is not other.port.protocol:
        spoken = f"{one.port.protocol} in {one.service.hostname} and {other.port.protocol} in {other.service.hostname}"
        reason = f"port {one.port.number} of the same workloads is {spoken}: their proxy can take it for one only"
        return _about(subject, keys[other.service], reason, "port-protocols-differ")
    if one.target_port == other.target_port and one.port.number != other.port.number:
        numbers = f"{one.port.number} in {one.service.hostname} and {other.port.number} in {other.service.hostname}"
        reason = f"port {one.target_port} of the same workloads is port {numbers}"
        return _about(subject, keys[other.service], reason, "port-numbers-differ")
    return None


def _about(subject: Subject, key: ObjectKey, reason: str, code: str) -> Diagnostic:
    return subject.finding(key, ("spec", "ports"), Severity.WARNING, reason, code)
