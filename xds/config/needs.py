"""Which services and subsets a VirtualService sends traffic to, and where it says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from xds.config.objects import ConfigObject
from xds.model.objects import Origin
from xds.model.routing import HTTPRoute, HTTPRouteDestination, L4Route, RouteDestination, VirtualService


class Need(NamedTuple):
    """A service, or a subset of it; subset is empty for the service itself."""

    host: str
    subset: str = ""

    def __str__(self) -> str:
        return f"the subset {self.subset} of {self.host}" if self.subset else f"the service {self.host}"


class Use(NamedTuple):
    """A destination that needs something. path, origin: of the destination and of its rule."""

    need: Need
    path: str
    origin: Origin


def uses_of(item: ConfigObject | None) -> Iterator[Use]:
    """Everything that gets a share of the traffic. Mirrors are left out: nobody waits for their answers."""
    if not isinstance(item, VirtualService):
        return
    for http in item.http:
        yield from _uses_of("http", http)
    for tls in item.tls:
        yield from _uses_of("tls", tls)
    for tcp in item.tcp:
        yield from _uses_of("tcp", tcp)


def _uses_of(protocol: str, rule: HTTPRoute | L4Route) -> Iterator[Use]:
    targets: tuple[HTTPRouteDestination | RouteDestination, ...] = rule.route
    for number, target in enumerate(targets):
        destination = target.destination
        if target.weight or len(targets) == 1:
            path = f"spec.{protocol}[{rule.index}].route[{number}].destination"
            yield Use(Need(destination.host), f"{path}.host", rule.origin)
            if destination.subset:
                yield Use(Need(destination.host, destination.subset), f"{path}.subset", rule.origin)
