"""What a patch that found nothing to change may have meant: the names that a proxy has, and which of them are near."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator

from xds.model.envoy_filters import ApplyTo, ConfigPatch, PatchContext
from xds.pipeline.envoyfilter.encoded import integer, items, message, text, texts
from xds.pipeline.references import HCM_TYPE_URL
from xds.resources import CLUSTER, LISTENER, ROUTE, Snapshot
from xds.wire.merge import unpack

_SHOWN = 3
_CUTOFF = 0.4
_ROUTES = (ApplyTo.ROUTE_CONFIGURATION, ApplyTo.VIRTUAL_HOST, ApplyTo.HTTP_ROUTE)

Asked = tuple[str, str, Callable[[], Iterable[str]]]
"""What is named, the name that the patch has, and the names that there are."""


def explained(patch: ConfigPatch, snapshot: Snapshot) -> str:
    """Why the patch finds nothing in these resources, as far as names tell."""
    for what, name, known in _asked(patch, _Names(snapshot, patch.context)):
        names = sorted(set(filter(None, known())))
        if name and name not in names:
            near = difflib.get_close_matches(name, names, _SHOWN, _CUTOFF) or names[:_SHOWN]
            others = f"; the nearest: {', '.join(near)}" if near else ", nor any other"
            return f"there is no {what} {name}{others}"
    return "nothing fits all that it asks for"


def _asked(patch: ConfigPatch, names: _Names) -> Iterator[Asked]:
    if patch.apply_to in _ROUTES:
        yield from _of_routes(patch, names)
    elif patch.apply_to is ApplyTo.CLUSTER and patch.cluster is not None:
        yield "cluster", patch.cluster.name, names.clusters
        yield "service of a cluster", patch.cluster.service, names.services
    elif patch.listener is not None:
        chain = patch.listener.chain
        yield "listener", patch.listener.name, names.listeners
        yield "listener filter", patch.listener.listener_filter, names.listener_filters
        yield "filter chain", chain.name, names.chains
        yield "network filter", chain.filter or "", names.network_filters
        yield "HTTP filter", chain.sub_filter or "", names.http_filters
        yield "port", str(patch.listener.port_number or ""), names.ports


def _of_routes(patch: ConfigPatch, names: _Names) -> Iterator[Asked]:
    if patch.route is None:
        return
    yield "RouteConfiguration", patch.route.name, names.configurations
    if patch.route.vhost is not None:
        yield "virtual host", patch.route.vhost.name, names.hosts
        yield "domain", patch.route.vhost.domain_name, names.domains
        if patch.route.vhost.route is not None:
            yield "route", patch.route.vhost.route.name, names.routes


class _Names:
    """The names in the resources of a proxy, in one context. Field numbers are those of the modules beside this one."""

    def __init__(self, snapshot: Snapshot, context: PatchContext) -> None:
        self._snapshot = snapshot
        self._context = context

    def clusters(self) -> Iterator[str]:
        return (resource.name for resource in self._snapshot[CLUSTER])

    def services(self) -> Iterator[str]:
        return (name.split("|")[3] for name in self.clusters() if name.count("|") == 3)

    def listeners(self) -> Iterator[str]:
        return (text(body, 1) for body in self._listeners())

    def listener_filters(self) -> Iterator[str]:
        return (text(each, 1) for body in self._listeners() for each in items(body, 9))

    def chains(self) -> Iterator[str]:
        return (text(chain, 7) for chain in self._chains())

    def ports(self) -> Iterator[str]:
        for body in self._listeners():
            yield str(integer(message(message(body, 2), 1), 3))
        for chain in self._chains():
            yield str(integer(message(message(chain, 1), 8), 1) or "")

    def network_filters(self) -> Iterator[str]:
        return (text(each, 1) for chain in self._chains() for each in items(chain, 3))

    def http_filters(self) -> Iterator[str]:
        return (text(each, 1) for manager in self._managers() for each in items(manager, 5))

    def configurations(self) -> Iterator[str]:
        return (text(body, 1) for body in self._configurations())

    def hosts(self) -> Iterator[str]:
        return (text(host, 1) for host in self._hosts())

    def domains(self) -> Iterator[str]:
        return (domain for host in self._hosts() for domain in texts(host, 2))

    def routes(self) -> Iterator[str]:
        return (text(route, 14) for host in self._hosts() for route in items(host, 3))

    def _listeners(self) -> Iterator[bytes]:
        for resource in self._snapshot[LISTENER]:
            inbound = integer(resource.body, 16) == 1
            if self._context in (PatchContext.ANY, PatchContext.GATEWAY) or inbound is self._is_inbound:
                yield resource.body

    @property
    def _is_inbound(self) -> bool:
        return self._context is PatchContext.SIDECAR_INBOUND

    def _chains(self) -> Iterator[bytes]:
        return (chain for body in self._listeners() for number in (3, 25) for chain in items(body, number))

    def _managers(self) -> Iterator[bytes]:
        for chain in self._chains():
            for network in items(chain, 3):
                url, config = unpack(message(network, 4))
                if url == HCM_TYPE_URL:
                    yield config

    def _configurations(self) -> Iterator[bytes]:
        if not self._is_inbound:
            yield from (resource.body for resource in self._snapshot[ROUTE])
        yield from (routes for manager in self._managers() if (routes := message(manager, 4)))

    def _hosts(self) -> Iterator[bytes]:
        return (host for body in self._configurations() for host in items(body, 2))
