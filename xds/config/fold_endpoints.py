"""The endpoints of one service: from lists, from the workloads that it selects, from its own object, or its own name.

Istio's rules: where a Kubernetes Service has lists, they stand for its Pods; workload entries come on top. An address
and port counts once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from xds.config.fold_services import Declared
from xds.config.objects import ConfigObject, EndpointList, ListedAddress, Objects
from xds.model.labels import EMPTY_LABELS
from xds.model.objects import ObjectKey
from xds.model.services import (
    Endpoint,
    Resolution,
    Service,
    ServiceEndpoints,
    ServiceInstance,
    ServicePort,
    Workload,
)

_UNIX: Final = "unix://"


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """Where the endpoints of one service may come from.

    lists: its endpoint lists. workloads: what it selects, and what its own object lists. objects: to look Pods up in.
    """

    declared: Declared
    lists: tuple[EndpointList, ...]
    workloads: tuple[Workload, ...]
    objects: Objects


def sources_of(
    declared: Declared, lists: tuple[EndpointList, ...], selected: Iterable[ObjectKey], objects: Objects
) -> Sources:
    """The sources of a service. selected: keys of the workloads that its selector picks."""
    counted = (objects[key] for key in sorted(selected) if not (lists and key.kind == "Pod"))
    workloads = (*(each for each in counted if isinstance(each, Workload)), *declared.inline)
    return Sources(declared, lists, workloads, objects)


def unreachable(sources: Sources) -> tuple[Workload, ...]:
    """The workloads that are left out because their address is a name that nobody resolves."""
    service = sources.declared.service
    return tuple(workload for workload in sources.workloads if not _is_reachable(service, workload.address))


def endpoints_of(sources: Sources, previous: ServiceEndpoints | None) -> ServiceEndpoints | None:
    """All endpoints of a service, None if it has none. What equals a part of ``previous`` is that part."""
    service = sources.declared.service
    old = previous.by_port if previous else {}
    by_port: dict[int, tuple[Endpoint, ...]] = {}
    for port in service.ports:
        found = _unique(_at_port(sources, port))
        if found:
            by_port[port.number] = _reuse(found, old.get(port.number, ()))
    if not by_port:
        return None
    if previous and by_port.keys() == old.keys() and all(by_port[number] is old[number] for number in by_port):
        return previous
    return ServiceEndpoints(service.key, by_port)


def _at_port(sources: Sources, port: ServicePort) -> Iterator[Endpoint]:
    service = sources.declared.service
    if service.external_name:
        yield Endpoint(service.external_name, port.number, namespace=service.meta.namespace)
        return
    if sources.lists:
        yield from _listed(sources.lists, port, sources.objects)
    for workload in sources.workloads:
        endpoint = _at_workload(service, port, workload)
        if endpoint is not None:
            yield endpoint
    if service.resolution in _BY_NAME and service.selector is None and not sources.workloads:
        target = port.target if isinstance(port.target, int) else port.number
        yield Endpoint(service.hostname, target, namespace=service.meta.namespace)


_BY_NAME: Final = (Resolution.DNS, Resolution.DNS_ROUND_ROBIN)


def _listed(lists: tuple[EndpointList, ...], port: ServicePort, objects: Objects) -> Iterator[Endpoint]:
    for each in lists:
        namespace = each.meta.key.namespace
        for subset in each.subsets:
            number = subset.ports.get(port.name)
            if number is not None:
                for address in subset.addresses:
                    pod = objects.get(address.pod) if address.pod else None
                    yield _listed_endpoint(address, number, namespace, pod)


def _listed_endpoint(address: ListedAddress, port: int, namespace: str, pod: ConfigObject | None) -> Endpoint:
    locality = address.locality
    name = address.pod.name if address.pod else ""
    if not isinstance(pod, Workload):
        return Endpoint(address.address, port, EMPTY_LABELS, locality, 0, address.health, "", "", namespace, name)
    return Endpoint(
        address=address.address,
        port=port,
        labels=pod.labels,
        locality=pod.locality if any(pod.locality) else locality,
        health=address.health,
        network=pod.network,
        service_account=pod.service_account,
        namespace=namespace,
        workload=name,
    )


def _at_workload(service: Service, port: ServicePort, workload: Workload) -> Endpoint | None:
    address = workload.address
    if address.startswith(_UNIX):
        address, number = address.removeprefix(_UNIX), 0
    else:
        target = target_port(service, port, workload)
        if target is None or not _is_reachable(service, address):
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


def _is_reachable(service: Service, address: str) -> bool:
    """An address must be numeric, or a socket's path, unless Envoy is to resolve it."""
    return service.resolution in _BY_NAME or _is_numeric(address)


def _is_numeric(address: str) -> bool:
    """Tells an IP address or a socket's path from a name; that it is one of these was checked when it was read."""
    return ":" in address or address.replace(".", "").isdigit()


def _unique(endpoints: Iterable[Endpoint]) -> tuple[Endpoint, ...]:
    """Each address and port once, the first that was found."""
    by_address: dict[tuple[str, int], Endpoint] = {}
    for endpoint in endpoints:
        by_address.setdefault((endpoint.address, endpoint.port), endpoint)
    return tuple(by_address.values())


def _reuse(endpoints: tuple[Endpoint, ...], previous: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
    if not previous:
        return endpoints
    known = {(endpoint.address, endpoint.port): endpoint for endpoint in previous}
    reused = tuple(_same(endpoint, known.get((endpoint.address, endpoint.port))) for endpoint in endpoints)
    same = len(reused) == len(previous) and all(new is old for new, old in zip(reused, previous, strict=True))
    return previous if same else reused


def _same(endpoint: Endpoint, previous: Endpoint | None) -> Endpoint:
    return previous if previous is not None and previous == endpoint else endpoint


def instances_of(service: Service, endpoints: ServiceEndpoints | None) -> Mapping[str, tuple[ServiceInstance, ...]]:
    """What each IP address serves of a service.

    Readiness does not matter, as the proxy must be ready before its workload is.
    """
    found: dict[str, tuple[ServiceInstance, ...]] = {}
    shared: dict[tuple[int, int], ServiceInstance] = {}
    by_port = endpoints.by_port if endpoints else {}
    for port in service.ports:
        for endpoint in by_port.get(port.number, ()):
            if not endpoint.port or not _is_numeric(endpoint.address):
                continue
            instance = shared.get((port.number, endpoint.port))
            if instance is None:
                instance = ServiceInstance(service.key, port, endpoint.port)
                shared[port.number, endpoint.port] = instance
            found[endpoint.address] = (*found.get(endpoint.address, ()), instance)
    return found
