"""ServiceEntry: services that no Kubernetes Service declares (Istio ``ServiceEntry``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from xds.config.document import RawObject
from xds.config.kinds.honoured import with_prefixes
from xds.config.kinds.kind import ISTIO_NETWORKING, ISTIO_NETWORKING_VERSIONS, Context, Kind
from xds.config.kinds.names import Scope, parse_export_to, parse_port_number
from xds.config.kinds.protocol import protocol_from_port, protocol_of
from xds.config.kinds.result import result
from xds.config.kinds.service_entry_endpoints import parse_endpoints
from xds.config.kinds.workload_fields import WORKLOAD_ENTRY_FIELDS
from xds.config.objects import ServiceDeclaration
from xds.config.reader import Reader
from xds.config.scalars import is_ip, parse_cidr, parse_host, parse_ip
from xds.model.diagnostic import Diagnostic
from xds.model.hosts import is_wildcard
from xds.model.labels import Labels
from xds.model.services import Location, Protocol, Resolution, Service, ServicePort

_BY_NAME: Final = (Resolution.DNS, Resolution.DNS_ROUND_ROBIN)
_OF_BLOCKS: Final = (Resolution.STATIC, Resolution.NONE)

HONOURED = with_prefixes(
    {
        "spec": "hosts addresses location resolution exportTo subjectAltNames workloadSelector.labels",
        "spec.ports": "number name protocol targetPort",
        "spec.endpoints": WORKLOAD_ENTRY_FIELDS,
    }
)


def parse(raw: RawObject, context: Context) -> tuple[ServiceDeclaration | None, tuple[Diagnostic, ...]]:
    """The services of a document; see :class:`~xds.config.kinds.kind.Kind`."""
    root = Reader(raw)
    spec = root.section("spec")
    resolution = Resolution(spec.text("resolution", Resolution.NONE.value))
    selector = _selector(spec)
    endpoints = parse_endpoints(spec, raw.meta, resolution)
    template = Service(
        hostname="",
        meta=raw.meta,
        ports=_ports(spec, resolution),
        addresses=_addresses(spec, resolution),
        resolution=resolution,
        location=Location(spec.text("location", Location.MESH_EXTERNAL.value)),
        selector=selector,
        export_to=parse_export_to(spec, Scope.of(raw, context), context.service_export_to),
        subject_alt_names=spec.strings("subjectAltNames"),
    )
    hosts = _hosts(spec, needs_name=resolution in _BY_NAME and not endpoints and selector is None)
    assigned = _assigned(raw)
    services = tuple(replace(template, hostname=host, assigned=assigned.get(host, ())) for host in hosts)
    return result(root, ServiceDeclaration(raw.meta, services, endpoints))


def _assigned(raw: RawObject) -> Mapping[str, tuple[str, ...]]:
    """By host, the addresses that a control plane of Istio gave it. Others than us write this: what it does not
    understand it passes over, as Istio does."""
    status = raw.document.get("status")
    listed = status.get("addresses") if isinstance(status, dict) else None
    found: dict[str, tuple[str, ...]] = {}
    for each in listed if isinstance(listed, list) else ():
        host, address = (each.get("host"), each.get("value")) if isinstance(each, dict) else (None, None)
        if isinstance(host, str) and isinstance(address, str) and is_ip(address):
            found[host] = (*found.get(host, ()), str(parse_ip(address)))
    return found


def _hosts(spec: Reader, needs_name: bool) -> tuple[str, ...]:
    """needs_name: the host is what Envoy resolves, as nothing else is given."""
    for index, host in enumerate(spec.strings("hosts")):
        if host == "*":
            spec.error(("hosts", index), "'*' is not allowed: write a longer name, such as *.example.com")
        elif needs_name and is_wildcard(host):
            spec.error(("hosts", index), f"{host!r} cannot be resolved: give endpoints, or names without a wildcard")
    return tuple(dict.fromkeys(spec.parsed_strings("hosts", parse_host)))


def _addresses(spec: Reader, resolution: Resolution) -> tuple[str, ...]:
    """Addresses as Envoy writes them: an IP address as it is, a prefix with the bits beyond it cleared."""
    networks = spec.parsed_strings("addresses", parse_cidr)
    if resolution not in _OF_BLOCKS and any("/" in text for text in spec.strings("addresses")):
        spec.error("addresses", "a CIDR prefix needs resolution STATIC or NONE", "conflicting-fields")
    single = (str(network.network_address) if network.num_addresses == 1 else str(network) for network in networks)
    return tuple(dict.fromkeys(single))


def _selector(spec: Reader) -> Labels | None:
    """Istio: a selector without labels selects nothing."""
    selector = spec.child("workloadSelector")
    if selector is None:
        return None
    labels = selector.labels("labels")
    if not labels:
        selector.warning((), "has no labels: it selects nothing", "empty-selector")
    return labels


def _ports(spec: Reader, resolution: Resolution) -> tuple[ServicePort, ...]:
    ports: dict[int, ServicePort] = {}
    for reader in spec.items("ports"):
        port = _port(reader)
        if port.protocol is Protocol.UDP:
            reader.warning("protocol", "UDP is not supported: this port is left out", "not-supported")
        elif resolution is Resolution.DYNAMIC_DNS and not _names_its_host(reader, port):
            continue
        elif port.number in ports:
            reader.error("number", f"{port.number} is already the number of another port", "conflicting-fields")
        else:
            ports[port.number] = port
    return tuple(ports.values())


def _names_its_host(reader: Reader, port: ServicePort) -> bool:
    """DYNAMIC_DNS resolves what a request or a TLS client says, so something of the sort has to be said."""
    if port.protocol.is_http:
        if port.target is not None:
            reason = "has no effect with DYNAMIC_DNS: the port is that of the request's host, or else the scheme's"
            reader.warning("targetPort", reason, "no-effect")
        return True
    if not port.protocol.is_tls:
        reason = "DYNAMIC_DNS needs HTTP or TLS, which say what host they are for: this port is left out"
        reader.warning("protocol" if reader.has("protocol") else (), reason, "not-supported")
    return port.protocol.is_tls


def _port(reader: Reader) -> ServicePort:
    number, target = parse_port_number(reader, "number") or 0, parse_port_number(reader, "targetPort")
    name, declared = reader.text("name"), reader.text("protocol")
    if declared and protocol_of(declared) is Protocol.UNSUPPORTED:
        reader.error("protocol", f"{declared!r} is not a protocol: use one such as HTTP, HTTP2, GRPC, TLS or TCP")
    protocol = protocol_from_port(declared or None, name, number=number)
    return ServicePort(number, name, protocol, target if target != number else None)


KIND = Kind(
    name="ServiceEntry",
    group=ISTIO_NETWORKING,
    versions=ISTIO_NETWORKING_VERSIONS,
    honoured=HONOURED,
    parse=parse,
)
