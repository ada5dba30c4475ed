"""The endpoints that a ServiceEntry lists, and what its resolution allows them to be."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from xds.config.kinds.workload_fields import is_numeric, parse_workload_entry
from xds.config.reader import Reader
from xds.model.objects import ObjectMeta
from xds.model.services import Resolution, Workload

CONFLICT: Final = "conflicting-fields"
_UNIX: Final = "unix://"


def parse_endpoints(spec: Reader, meta: ObjectMeta, resolution: Resolution) -> tuple[Workload, ...]:
    """``spec.endpoints``, as the workloads that they are."""
    readers = spec.items("endpoints")
    port_names = [port.text("name") for port in spec.items("ports")]
    if readers and resolution is Resolution.NONE:
        spec.error(
            "endpoints", "resolution NONE takes the address that the client dialled: none can be listed", CONFLICT
        )
    for name in ("endpoints", "workloadSelector") if resolution is Resolution.DYNAMIC_DNS else ():
        if spec.has(name):
            spec.error(name, "resolution DYNAMIC_DNS takes the host that the client names: none can be given", CONFLICT)
    if len(readers) > 1 and resolution is Resolution.DNS_ROUND_ROBIN:
        spec.error("endpoints", "resolution DNS_ROUND_ROBIN allows one endpoint", CONFLICT)
    if readers and spec.has("workloadSelector"):
        spec.error("workloadSelector", "only one of workloadSelector, endpoints can be given", CONFLICT)
    workloads = []
    for reader in readers:
        workload = parse_workload_entry(reader, meta)
        _check_address(reader, workload.address, resolution, port_names)
        _check_ports(reader, workload, port_names)
        workloads.append(workload)
    return tuple(workloads)


def _check_address(reader: Reader, address: str, resolution: Resolution, port_names: Collection[str]) -> None:
    is_unix = address.startswith(_UNIX)
    if resolution is Resolution.STATIC and address and not is_numeric(address):
        reader.error("address", f"{address!r}: resolution STATIC needs an IP address or a Unix domain socket")
    if resolution in (Resolution.DNS, Resolution.DNS_ROUND_ROBIN) and is_unix:
        reader.error("address", f"{address!r}: a Unix domain socket needs resolution STATIC")
    if is_unix and len(port_names) != 1:
        reader.error("address", f"{address!r}: with a Unix domain socket exactly one port can be declared", CONFLICT)


def _check_ports(reader: Reader, workload: Workload, port_names: Collection[str]) -> None:
    for name in workload.ports:
        if name not in port_names:
            reader.error(("ports", name), f"{name!r} is the name of none of the ports in spec.ports")
