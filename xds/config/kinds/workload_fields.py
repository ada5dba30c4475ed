"""What WorkloadEntries, the endpoints of ServiceEntries, and Pods have in common."""

from __future__ import annotations

from typing import Final

from xds.config.reader import Reader
from xds.config.scalars import is_ip, parse_exact_host
from xds.model.labels import Labels
from xds.model.objects import ObjectMeta
from xds.model.services import UNKNOWN_LOCALITY, Locality, Workload

LOCALITY_LABEL: Final = "istio-locality"
NETWORK_LABEL: Final = "topology.istio.io/network"
_TOPOLOGY: Final = ("topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone")
_UNIX: Final = "unix://"

WORKLOAD_ENTRY_FIELDS: Final = "address ports labels network locality weight serviceAccount"
"""The fields of Istio's ``WorkloadEntry`` that take effect."""


def parse_workload_entry(entry: Reader, meta: ObjectMeta) -> Workload:
    """Istio's ``WorkloadEntry`` message, which an object of that kind is and which a ServiceEntry lists.

    Without a locality of its own it has that of its labels, as Istio does it.
    """
    labels = entry.labels("labels")
    locality = entry.text("locality")
    return Workload(
        meta=meta,
        address=_address(entry),
        labels=labels,
        service_account=entry.text("serviceAccount"),
        ports=parse_ports(entry),
        locality=Locality.parse(locality) if locality else locality_of(labels),
        network=entry.text("network") or labels.get(NETWORK_LABEL, ""),
        weight=entry.integer("weight"),
    )


def _address(entry: Reader) -> str:
    """Empty if only a network is given, as the schema asks for one of the two."""
    if not entry.text("address"):
        reason = (
            "without an address it is reached through a gateway of its network, of which none is known: it is left out"
        )
        entry.warning((), f"not honoured yet: {reason}", "not-honoured")
    return entry.parsed("address", parse_workload_address, "")


def parse_ports(entry: Reader) -> dict[str, int]:
    """Port numbers by name."""
    ports = entry.integer_map("ports")
    for name, number in ports.items():
        if not 1 <= number <= 65535:
            entry.error(("ports", name), f"{number} is not a port number from 1 to 65535", "out-of-range")
    if ports and entry.text("address").startswith(_UNIX):
        entry.error("ports", "a Unix domain socket has no ports", "conflicting-fields")
    return ports


def parse_workload_address(text: str) -> str:
    """An IP address, a DNS name, or ``unix://`` with an absolute path or, after ``@``, an abstract name."""
    if text.startswith(_UNIX):
        path = text.removeprefix(_UNIX)
        if not path.startswith(("/", "@")) or path.endswith("/") or len(path) < 2:
            raise ValueError(f"{text!r} is not a Unix domain socket: write unix:///path/to/socket or unix://@name")
        return text
    if is_ip(text):
        return text
    if text.replace(".", "").isdigit():
        raise ValueError(f"{text!r} is not an IP address")
    return parse_exact_host(text)


def is_numeric(address: str) -> bool:
    """True for an address of :func:`parse_workload_address` that needs no resolving."""
    return address.startswith(_UNIX) or is_ip(address)


def locality_of(labels: Labels) -> Locality:
    """Where a workload's labels say that it runs: Istio's ``istio-locality``, or else the topology labels."""
    whole = labels.get(LOCALITY_LABEL)
    if whole:
        return Locality.parse(whole, "/" if "/" in whole else ".")
    parts = [labels.get(name, "") for name in _TOPOLOGY]
    return Locality(*parts) if any(parts) else UNKNOWN_LOCALITY
