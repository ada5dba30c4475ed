"""Service: a name, its ports, and which Pods serve it (Kubernetes ``core/v1 Service``)."""

from __future__ import annotations

from typing import Final

from xds.config.document import RawObject
from xds.config.kinds.honoured import with_prefixes
from xds.config.kinds.kind import Context, Kind
from xds.config.kinds.names import Scope
from xds.config.kinds.protocol import protocol_from_port
from xds.config.kinds.result import result
from xds.config.kinds.traffic_distribution import parse_traffic_distribution
from xds.config.objects import ServiceDeclaration
from xds.config.reader import INVALID, Reader
from xds.config.scalars import is_ip, parse_dns_label, parse_exact_host, parse_port_or_name
from xds.model.diagnostic import Diagnostic
from xds.model.services import Resolution, Service, ServicePort

EXPORT_TO: Final = "networking.istio.io/exportTo"
_NO_ADDRESS: Final = "None"
_EXTERNAL_NAME: Final = "ExternalName"
_WITHOUT_EFFECT: Final = {"sessionAffinity": "ClientIP", "internalTrafficPolicy": "Local"}

HONOURED = with_prefixes(
    {
        "spec.ports": "name port protocol targetPort appProtocol",
        "spec": "clusterIP clusterIPs externalName selector type publishNotReadyAddresses trafficDistribution",
    }
)

TOLERATED = with_prefixes(
    {
        # how traffic enters the cluster, which is not a proxy's matter
        "spec.ports": "nodePort",
        "spec": "externalIPs externalTrafficPolicy loadBalancerIP "
        # reported by value: their defaults ask for nothing
        "sessionAffinity internalTrafficPolicy",
    }
)


def parse(raw: RawObject, context: Context) -> tuple[ServiceDeclaration | None, tuple[Diagnostic, ...]]:
    """The service of a document; see :class:`~xds.config.kinds.kind.Kind`."""
    root = Reader(raw)
    spec = root.section("spec")
    _check(root, spec)
    is_external = spec.text("type") == _EXTERNAL_NAME
    service = Service(
        hostname=f"{raw.name}.{raw.namespace}.svc.{context.domain_suffix}",
        meta=raw.meta,
        ports=_ports(spec),
        addresses=() if is_external else _addresses(spec),
        resolution=Resolution.DNS if is_external else Resolution.STATIC,
        selector=None if is_external else spec.labels("selector") or None,
        headless=not is_external and spec.text("clusterIP") == _NO_ADDRESS,
        external_name=_external_name(spec) if is_external else None,
        export_to=_export_to(root, Scope.of(raw, context), context.service_export_to),
        publish_not_ready=spec.flag("publishNotReadyAddresses"),
        locality=parse_traffic_distribution(root, spec),
    )
    return result(root, ServiceDeclaration(raw.meta, (service,)))


def _check(root: Reader, spec: Reader) -> None:
    try:
        parse_dns_label(root.raw.name)
    except ValueError as error:
        root.error(("metadata", "name"), str(error))
    for name, value in _WITHOUT_EFFECT.items():
        if spec.text(name) == value:
            spec.warning(name, f"not honoured yet: {value} has no effect", "not-honoured")


def _ports(spec: Reader) -> tuple[ServicePort, ...]:
    ports: dict[int, ServicePort] = {}
    for reader in spec.items("ports"):
        transport = reader.text("protocol", "TCP")
        number = reader.integer("port")
        if transport != "TCP":
            reader.warning("protocol", f"{transport} is not supported: this port is left out", "not-supported")
        elif number in ports:
            reader.error("port", f"{number} is already the number of another port", "conflicting-fields")
        else:
            ports[number] = _port(reader, number)
    return tuple(ports.values())


def _port(reader: Reader, number: int) -> ServicePort:
    name = reader.text("name")
    app_protocol = reader.text("appProtocol") or None
    protocol = protocol_from_port(app_protocol, name, number=number)
    return ServicePort(number, name, protocol, _target(reader, number))


def _target(reader: Reader, number: int) -> int | str | None:
    """None if it is the same number. Kubernetes takes 0 and the empty string for absent."""
    target = reader.raw_value("targetPort")
    if not target:
        return None
    try:
        parsed = parse_port_or_name(target)
    except ValueError as error:
        reader.error("targetPort", str(error))
        return None
    return None if parsed == number else parsed


def _addresses(spec: Reader) -> tuple[str, ...]:
    given = spec.strings("clusterIPs") or (spec.text("clusterIP"),)
    addresses = tuple(dict.fromkeys(address for address in given if address and address != _NO_ADDRESS))
    for address in addresses:
        if not is_ip(address):
            spec.error("clusterIPs" if spec.has("clusterIPs") else "clusterIP", f"{address!r} is not an IP address")
    return addresses


def _external_name(spec: Reader) -> str:
    if not spec.has("externalName"):
        spec.error("externalName", "is required for type ExternalName", "missing-field")
    name = spec.text("externalName").removesuffix(".")
    try:
        return parse_exact_host(name) if name else ""
    except ValueError as error:
        spec.error("externalName", str(error))
        return ""


def _export_to(root: Reader, scope: Scope, default: tuple[str, ...]) -> tuple[str, ...]:
    """Istio's annotation: namespaces separated by commas."""
    entries = [entry.strip() for entry in root.raw.meta.annotations.get(EXPORT_TO, "").split(",")]
    found: dict[str, None] = {}
    for entry in filter(None, entries):
        try:
            found[scope.visibility(entry)] = None
        except ValueError as error:
            root.error(("metadata", "annotations", EXPORT_TO), str(error), INVALID)
    return tuple(found) or scope.visible_to(default)


KIND = Kind(name="Service", group="", versions=("v1",), honoured=HONOURED, parse=parse, tolerated=TOLERATED)
