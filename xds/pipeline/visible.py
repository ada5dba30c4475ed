"""Which services and VirtualServices a namespace may see, and which of them a Sidecar leaves in scope."""

from __future__ import annotations

from collections.abc import Iterable

from xds.model.gateways import HostSelector
from xds.model.hosts import host_matches, is_wildcard, specificity
from xds.model.routing import MESH_GATEWAY, VirtualService
from xds.model.services import Service
from xds.model.view import RoutedHosts


def exported_to(export_to: tuple[str, ...], namespace: str) -> bool:
    """True if an object with this ``exportTo`` can be seen from ``namespace``."""
    return "*" in export_to or namespace in export_to


def services_seen_from(services: tuple[Service, ...], namespace: str) -> tuple[Service, ...]:
    """The services visible in ``namespace``, one for each host name.

    Its own namespace's, or else one of Kubernetes, so that no ServiceEntry elsewhere takes the name of a Service, or
    else the oldest.
    """
    best: dict[str, Service] = {}
    for service in services:
        if not exported_to(service.export_to, namespace):
            continue
        rival = best.get(service.hostname)
        if rival is None or _preferred(service, rival, namespace):
            best[service.hostname] = service
    return tuple(sorted(best.values(), key=lambda service: service.key))


def _preferred(service: Service, rival: Service, namespace: str) -> bool:
    return _rank(service, namespace) < _rank(rival, namespace)


def _rank(service: Service, namespace: str) -> tuple[bool, bool, tuple[float, str, str]]:
    meta = service.meta
    return meta.namespace != namespace, meta.key.kind != "Service", meta.age_order


def mesh_virtual_services(virtual_services: tuple[VirtualService, ...], namespace: str) -> tuple[VirtualService, ...]:
    """Those that sidecars of ``namespace`` obey, oldest first."""
    return tuple(vs for vs in virtual_services if exported_to(vs.export_to, namespace) and vs.binds(MESH_GATEWAY))


def bound_to(virtual_services: tuple[VirtualService, ...], gateway: str, namespace: str) -> tuple[VirtualService, ...]:
    """Those that name ``gateway`` (``namespace/name``) and can be seen from the gateway proxy's ``namespace``."""
    return tuple(vs for vs in virtual_services if vs.binds(gateway) and exported_to(vs.export_to, namespace))


def routed_hosts(virtual_services: Iterable[VirtualService]) -> RoutedHosts:
    """The VirtualService in force for every host: the oldest that names it. ``virtual_services``: oldest first."""
    exact: dict[str, VirtualService] = {}
    wildcard: dict[str, VirtualService] = {}
    for virtual_service in virtual_services:
        for host in virtual_service.hosts:
            (wildcard if is_wildcard(host) else exact).setdefault(host, virtual_service)
    return RoutedHosts(exact, tuple((host, wildcard[host]) for host in sorted(wildcard, key=specificity)))


def includes(selectors: tuple[HostSelector, ...], namespace: str, host: str) -> bool:
    """True if a Sidecar's egress hosts name a service: all of what ``host`` stands for, in ``namespace``."""
    return any(s.namespace in ("*", namespace) and host_matches(s.host, host) for s in selectors)


def overlaps(selectors: tuple[HostSelector, ...], namespace: str, host: str) -> bool:
    """True if a Sidecar's egress hosts name some of what ``host`` of a VirtualService in ``namespace`` stands for."""
    return any(
        s.namespace in ("*", namespace)
        and (host_matches(s.host, host) or (is_wildcard(host) and host_matches(host, s.host)))
        for s in selectors
    )
