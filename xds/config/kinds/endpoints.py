"""Endpoints: all endpoints of the Service of the same name (Kubernetes ``core/v1 Endpoints``)."""

from __future__ import annotations

from xds.config.document import RawObject
from xds.config.kinds.endpoint_fields import parse_pod, parse_ports
from xds.config.kinds.honoured import with_prefixes
from xds.config.kinds.kind import Context, Kind
from xds.config.kinds.result import result
from xds.config.objects import EndpointList, EndpointSubset, ListedAddress
from xds.config.reader import Reader
from xds.config.scalars import is_ip
from xds.model.diagnostic import Diagnostic
from xds.model.services import Health

_ADDRESS = "ip targetRef.kind targetRef.name targetRef.namespace"

HONOURED = with_prefixes(
    {
        "subsets.addresses": _ADDRESS,
        "subsets.notReadyAddresses": _ADDRESS,
        "subsets.ports": "name port protocol",
    }
)

TOLERATED = with_prefixes(
    {
        "subsets.addresses": "hostname nodeName",
        "subsets.notReadyAddresses": "hostname nodeName",
        "subsets.ports": "appProtocol",
    }
)
"""What the Service says, or what is for whoever routes by node."""


def parse(raw: RawObject, context: Context) -> tuple[EndpointList | None, tuple[Diagnostic, ...]]:
    """The endpoints of a document; see :class:`~xds.config.kinds.kind.Kind`."""
    root = Reader(raw)
    subsets = tuple(_subset(reader, raw.namespace) for reader in root.items("subsets"))
    return result(root, EndpointList(raw.meta, raw.name, subsets))


def _subset(subset: Reader, namespace: str) -> EndpointSubset:
    ready = [_address(each, Health.HEALTHY, namespace) for each in subset.items("addresses")]
    not_ready = [_address(each, Health.UNHEALTHY, namespace) for each in subset.items("notReadyAddresses")]
    return EndpointSubset(parse_ports(subset.items("ports")), (*ready, *not_ready))


def _address(reader: Reader, health: Health, namespace: str) -> ListedAddress:
    address = reader.text("ip")
    if not is_ip(address):
        reader.error("ip", f"{address!r} is not an IP address")
    return ListedAddress(address, health, pod=parse_pod(reader, namespace))


KIND = Kind(name="Endpoints", group="", versions=("v1",), honoured=HONOURED, parse=parse, tolerated=TOLERATED)
