"""What the egress listeners of a Sidecar leave in scope.

Istio: a listener has the services that its hosts name; one with a port has them with that port alone. A VirtualService
that its hosts name brings clusters for what it routes to, in the client's namespace before others, and no more than
the ports that it names; such a service cannot be called by its own name for that.

What did not change for a listener is the same object as before, whatever else changed in the mesh: the rest of the
mesh costs a proxy with a narrow scope no more than the look.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple, TypeVar

from xds.model.gateways import HostSelector, IstioEgressListener, Sidecar, SidecarCaptureMode
from xds.model.routing import Destination, HTTPRoute, L4Route, VirtualService
from xds.model.services import Service, ServiceKey
from xds.model.settings import MeshSettings
from xds.model.view import EgressListener, RoutedHosts, VisibleService
from xds.pipeline.memo import Memo
from xds.pipeline.rules import RulesByNamespace, visible_services
from xds.pipeline.visible import includes, overlaps, routed_hosts, services_seen_from

T = TypeVar("T")


class Wanted(NamedTuple):
    """That a proxy needs clusters for ports of a service: their numbers, None for all of them."""

    key: ServiceKey
    ports: frozenset[int] | None


def scoped(
    sidecar: Sidecar,
    services: tuple[Service, ...],
    virtual_services: tuple[VirtualService, ...],
    rules: RulesByNamespace,
    namespace: str,
    settings: MeshSettings,
    memo: Memo,
) -> tuple[tuple[EgressListener, ...], tuple[VisibleService, ...]]:
    """The egress listeners of a Sidecar that has some, and everything that needs clusters; arguments as of `Scope`."""
    scope = Scope(services, virtual_services, rules, namespace, settings, memo)
    listeners = memo(_same, *map(scope.listener, sidecar.egress or ()))
    return listeners, scope.union(listeners, sidecar.egress_proxy)


class Scope:
    """Fills the egress listeners of a Sidecar for the clients of one namespace.

    services: of the mesh. virtual_services: those that the clients obey, oldest first. rules: those that apply to them.
    """

    def __init__(
        self,
        services: tuple[Service, ...],
        virtual_services: tuple[VirtualService, ...],
        rules: RulesByNamespace,
        namespace: str,
        settings: MeshSettings,
        memo: Memo,
    ) -> None:
        self._services = services
        self._virtual_services = virtual_services
        self._rules = rules
        self._namespace = namespace
        self._settings = settings
        self._memo = memo

    def listener(self, declared: IstioEgressListener) -> EgressListener:
        """The listener with everything in its scope."""
        memo, hosts = self._memo, declared.hosts
        number = declared.port.number if declared.port is not None else 0
        listed = memo(_listed, self._services, hosts, number, self._namespace, memo)
        found = memo(_routes, self._virtual_services, hosts)
        wanted = memo(_with_targets, listed, self._seen(), self._namespace, *found)
        services, targets = self._visible(listed), self._visible(memo(_united, self._by_key(), memo, *wanted))
        return memo(
            EgressListener,
            services,
            targets,
            memo(_obeyed, *found),
            declared.port,
            declared.bind,
            declared.capture_mode is not SidecarCaptureMode.NONE,
        )

    def union(
        self, listeners: tuple[EgressListener, ...], destination: Destination | None
    ) -> tuple[VisibleService, ...]:
        """The targets of all ``listeners`` and ``destination``: each service once, with every port that is wanted."""
        if destination is None and len(listeners) == 1:
            return listeners[0].targets
        groups = (listener.targets for listener in listeners)
        return self._visible(self._memo(_union, self._by_key(), self._seen(), destination, self._memo, *groups))

    def _seen(self) -> Mapping[str, Service]:
        return self._memo(_by_host, self._memo(services_seen_from, self._services, self._namespace))

    def _by_key(self) -> Mapping[ServiceKey, Service]:
        return self._memo(_by_key, self._services)

    def _visible(self, services: tuple[Service, ...]) -> tuple[VisibleService, ...]:
        memo = self._memo
        root, baseline = self._settings.root_namespace, self._settings.traffic_policy
        found = memo(visible_services, services, self._rules, self._namespace, root, baseline, memo)
        return memo(_same, *found)


def destinations(virtual_service: VirtualService, namespace: str) -> Iterator[Destination]:
    """Everything that a VirtualService can send the traffic of clients of ``namespace`` to."""
    for http in virtual_service.http:
        if _is_for(http, namespace):
            yield from (target.destination for target in http.route)
            yield from (mirror.destination for mirror in http.mirrors)
    for l4 in (*virtual_service.tls, *virtual_service.tcp):
        if _is_for(l4, namespace):
            yield from (target.destination for target in l4.route)


def _is_for(rule: HTTPRoute | L4Route, namespace: str) -> bool:
    return not rule.match or any(match.source_namespace in ("", namespace) for match in rule.match)


def _same(*items: T) -> tuple[T, ...]:
    """A tuple that a memo returns as the same object for the same items."""
    return items


def _obeyed(*virtual_services: VirtualService) -> RoutedHosts:
    return routed_hosts(virtual_services)


def _by_host(services: tuple[Service, ...]) -> Mapping[str, Service]:
    return {service.hostname: service for service in services}


def _by_key(services: tuple[Service, ...]) -> Mapping[ServiceKey, Service]:
    return {service.key: service for service in services}


def _listed(
    services: tuple[Service, ...], hosts: tuple[HostSelector, ...], port: int, namespace: str, memo: Memo
) -> tuple[Service, ...]:
    """Those that ``hosts`` name, and of several with one host name the nearest. port: the only one that counts, 0 for
    all."""
    named = (s for s in services if (not port or s.port(port)) and includes(hosts, s.meta.namespace, s.hostname))
    nearest = services_seen_from(tuple(named), namespace)
    return memo(_same, *(memo(_narrowed, service, port) if port else service for service in nearest))


def _routes(
    virtual_services: tuple[VirtualService, ...], hosts: tuple[HostSelector, ...]
) -> tuple[VirtualService, ...]:
    return tuple(vs for vs in virtual_services if any(overlaps(hosts, vs.meta.namespace, host) for host in vs.hosts))


def _with_targets(
    listed: tuple[Service, ...], seen: Mapping[str, Service], namespace: str, *virtual_services: VirtualService
) -> tuple[Wanted, ...]:
    """``listed``, and what ``virtual_services`` send traffic to: by a host that is listed, to that service."""
    known = {**seen, **_by_host(listed)}
    targets = (each for vs in virtual_services for each in destinations(vs, namespace) if each.host in known)
    return (*map(_all_of, listed), *(_part_of(known[each.host], each) for each in targets))


def _union(
    by_key: Mapping[ServiceKey, Service],
    seen: Mapping[str, Service],
    destination: Destination | None,
    memo: Memo,
    *groups: tuple[VisibleService, ...],
) -> tuple[Service, ...]:
    wanted = [_all_of(visible.service) for group in groups for visible in group]
    if destination is not None and destination.host in seen:
        wanted.append(_part_of(seen[destination.host], destination))
    return _united(by_key, memo, *wanted)


def _all_of(service: Service) -> Wanted:
    return Wanted(service.key, frozenset(port.number for port in service.ports))


def _part_of(service: Service, destination: Destination) -> Wanted:
    return Wanted(service.key, None if destination.port is None else frozenset({destination.port}))


def _united(by_key: Mapping[ServiceKey, Service], memo: Memo, *wanted: Wanted) -> tuple[Service, ...]:
    """Each service once, ordered by key. Of two with one host name the first counts: a cluster is named by its host."""
    keys: dict[str, ServiceKey] = {}
    ports: dict[ServiceKey, set[int]] = {}
    for each in wanted:
        if keys.setdefault(each.key.hostname, each.key) == each.key:
            every = (port.number for port in by_key[each.key].ports)
            ports.setdefault(each.key, set()).update(every if each.ports is None else each.ports)
    narrowed = (memo(_narrowed, by_key[key], *sorted(ports[key])) for key in sorted(ports))
    return memo(_same, *(service for service in narrowed if service.ports))


def _narrowed(service: Service, *ports: int) -> Service:
    """The service with these ports only; the same one if that is all of them."""
    kept = tuple(port for port in service.ports if port.number in ports)
    return service if len(kept) == len(service.ports) else replace(service, ports=kept)
