"""A workload as an endpoint of a service port."""

from __future__ import annotations

from typing import Final

from xds.model.services import Endpoint, Resolution, Service, ServicePort, Workload

BY_NAME: Final = (Resolution.DNS, Resolution.DNS_ROUND_ROBIN)
"""Here Envoy resolves the names of endpoints."""

_UNIX: Final = "unix://"


def workload_endpoint(service: Service, port: ServicePort, workload: Workload) -> Endpoint | None:
    """None if the workload cannot serve the port: it has no port of that name, or an address that nobody resolves."""
    address = workload.address
    if address.startswith(_UNIX):
        address, number = address.removeprefix(_UNIX), 0
    else:
        target = target_port(service, port, workload)
        if target is None or not is_reachable(service, address):
            return None
        number = target
    key = workload.meta.key
    return Endpoint(
        address=address,
        port=number,
        labels=workload.labels,
        locality=workload.locality,
        weight=workload.weight,
        health=workload.health,
        network=workload.network,
        service_account=workload.service_account,
        namespace=key.namespace,
        workload=key.name if key != service.meta.key else "",
    )


def target_port(service: Service, port: ServicePort, workload: Workload) -> int | None:
    """The workload's port that serves a service port; None if the name that is asked for is none of its ports.

    A name in ``targetPort`` must be one of the workload's ports. Otherwise a workload entry may give a port for the
    name of the service port, and so may a Pod for a ServiceEntry (Istio ``WorkloadEntry.ports``).
    """
    if isinstance(port.target, str):
        return workload.ports.get(port.target)
    number = port.number if port.target is None else port.target
    if not workload.ports or (workload.meta.key.kind == "Pod" and service.meta.key.kind == "Service"):
        return number
    return workload.ports.get(port.name, number)


def is_reachable(service: Service, address: str) -> bool:
    """An address must be numeric, or a socket's path, unless Envoy is to resolve it."""
    return service.resolution in BY_NAME or is_numeric(address)


def is_numeric(address: str) -> bool:
    """Tells an IP address or a socket's path from a name; that it is one of these was checked when it was read."""
    return ":" in address or address.replace(".", "").isdigit()
