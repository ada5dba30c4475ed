"""EndpointSlice: some of the endpoints of a Service (Kubernetes ``discovery.k8s.io/v1 EndpointSlice``)."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from xds.config.document import RawObject
from xds.config.kinds.endpoint_fields import parse_pod, parse_ports
from xds.config.kinds.honoured import with_prefixes
from xds.config.kinds.kind import Context, Kind
from xds.config.kinds.result import result
from xds.config.objects import EndpointList, EndpointSubset, ListedAddress
from xds.config.reader import Reader
from xds.config.scalars import is_ip
from xds.model.diagnostic import Diagnostic
from xds.model.services import Health, Locality

SERVICE_NAME: Final = "kubernetes.io/service-name"
_FQDN: Final = "FQDN"
_OLD_ZONE: Final = "topology.kubernetes.io/zone"

HONOURED = frozenset({"addressType"}) | with_prefixes(
    {
        "ports": "name port protocol",
        "endpoints": "addresses zone deprecatedTopology",
        "endpoints.conditions": "ready serving terminating",
        "endpoints.targetRef": "kind name namespace",
    }
)

TOLERATED = with_prefixes({"ports": "appProtocol", "endpoints": "hostname nodeName hints"})
"""What the Service says, or what is for whoever routes by node."""


def parse(raw: RawObject, context: Context) -> tuple[EndpointList | None, tuple[Diagnostic, ...]]:
    """The endpoints of a document; see :class:`~xds.config.kinds.kind.Kind`."""
    root = Reader(raw)
    service = raw.meta.labels.get(SERVICE_NAME, "")
    if not service:
        root.info(("metadata", "labels"), f"no label {SERVICE_NAME}: these endpoints are of no service", "no-service")
        return result(root, None)
    if root.text("addressType") == _FQDN:
        root.warning("addressType", "FQDN is not supported: these endpoints are left out", "not-supported")
        return result(root, None)
    addresses = tuple(address for reader in root.items("endpoints") for address in _addresses(reader, raw.namespace))
    subset = EndpointSubset(parse_ports(root.items("ports")), addresses)
    return result(root, EndpointList(raw.meta, service, (subset,)))


def _addresses(endpoint: Reader, namespace: str) -> list[ListedAddress]:
    """Kubernetes: the addresses of one endpoint are interchangeable, and consumers use the first."""
    health, pod = _health(endpoint.section("conditions")), parse_pod(endpoint, namespace)
    address = endpoint.strings("addresses")[0]
    if is_ip(address):
        return [ListedAddress(address, health, _locality(endpoint), pod)]
    endpoint.error(("addresses", 0), f"{address!r} is not an IP address")
    return []


def _locality(endpoint: Reader) -> Locality:
    """All that a slice says is the zone."""
    return _in_zone(endpoint.text("zone") or endpoint.labels("deprecatedTopology").get(_OLD_ZONE, ""))


@lru_cache(maxsize=256)
def _in_zone(zone: str) -> Locality:
    return Locality(zone=zone)


def _health(conditions: Reader) -> Health:
    """Kubernetes: an absent ``ready`` or ``serving`` means true, an absent ``terminating`` false."""
    ready = conditions.flag("ready", True)
    if conditions.flag("terminating", False):
        return Health.DRAINING if conditions.flag("serving", ready) else Health.UNHEALTHY
    return Health.HEALTHY if ready else Health.UNHEALTHY


KIND = Kind(
    name="EndpointSlice",
    group="discovery.k8s.io",
    versions=("v1", "v1beta1"),
    honoured=HONOURED,
    parse=parse,
    tolerated=TOLERATED,
)
