"""Which subsets a VirtualService sends traffic to, and where it says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from xds.model.objects import Origin
from xds.model.routing import HTTPRoute, HTTPRouteDestination, L4Route, RouteDestination, VirtualService


class SubsetUse(NamedTuple):
    """A destination with a subset. path, origin: of the destination and of its rule."""

    host: str
    subset: str
    path: str
    origin: Origin


def subset_uses(virtual_service: VirtualService) -> Iterator[SubsetUse]:
    """Every subset that gets a share of the traffic. Mirrors are left out: nobody waits for their answers."""
    for http in virtual_service.http:
        yield from _uses_of("http", http)
    for tls in virtual_service.tls:
        yield from _uses_of("tls", tls)
    for tcp in virtual_service.tcp:
        yield from _uses_of("tcp", tcp)


def _uses_of(protocol: str, rule: HTTPRoute | L4Route) -> Iterator[SubsetUse]:
    targets: tuple[HTTPRouteDestination | RouteDestination, ...] = rule.route
    for number, target in enumerate(targets):
        destination = target.destination
        if destination.subset and (target.weight or len(targets) == 1):
            path = f"spec.{protocol}[{rule.index}].route[{number}].destination.subset"
            yield SubsetUse(destination.host, destination.subset, path, rule.origin)
