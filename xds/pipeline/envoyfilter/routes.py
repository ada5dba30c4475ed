"""RouteConfigurations, whether proxies ask for them by name or have them in a listener.

Field numbers are Envoy's: RouteConfiguration.name 1, virtual_hosts 2; VirtualHost.name 1, domains 2, routes 3;
Route.name 14.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from envoy_data_plane.envoy.config.route.v3 import Route, RouteConfiguration, VirtualHost

from xds.model.envoy_filters import ApplyTo, ConfigPatch, PatchContext, PatchOperation
from xds.pipeline.envoyfilter.edit import edited
from xds.pipeline.envoyfilter.encoded import items, replaced, text, texts, without
from xds.pipeline.envoyfilter.filters import merged_by
from xds.pipeline.envoyfilter.match import configuration_matches, host_matches, names_route, route_matches
from xds.pipeline.envoyfilter.outcome import InvalidResultError, Trail
from xds.pipeline.envoyfilter.plan import Plan
from xds.resources import Source

_TARGETS = (ApplyTo.ROUTE_CONFIGURATION, ApplyTo.VIRTUAL_HOST, ApplyTo.HTTP_ROUTE)

Rules = tuple[Source | None, ...]


@dataclass(frozen=True, slots=True, eq=False)
class RouteEdits:
    """The patches for one RouteConfiguration, by what they are applied to."""

    configuration: tuple[ConfigPatch, ...]
    hosts: tuple[ConfigPatch, ...]
    routes: tuple[ConfigPatch, ...]

    @property
    def all(self) -> tuple[ConfigPatch, ...]:
        return (*self.configuration, *self.hosts, *self.routes)

    def only(self, patches: Iterable[ConfigPatch]) -> RouteEdits:
        """The same without all others."""
        kept = set(patches)
        lists = (self.configuration, self.hosts, self.routes)
        return RouteEdits(*(tuple(patch for patch in each if patch in kept) for each in lists))


def route_edits(plan: Plan, name: str, context: PatchContext) -> RouteEdits | None:
    """None if there is no patch for a RouteConfiguration of this name."""
    found = (
        tuple(patch for patch in plan.of(target, context) if configuration_matches(patch, name, gateway=plan.gateway))
        for target in _TARGETS
    )
    edits = RouteEdits(*found)
    return edits if edits.all else None


def patched_configuration(body: bytes, edits: RouteEdits, trail: Trail) -> bytes:
    """A whole RouteConfiguration. Raises InvalidResultError if two of its virtual hosts cannot be told apart."""
    for patch in edits.configuration:
        trail.note(patch, text(body, 1))
        body = merged_by(RouteConfiguration, body, patch)
    hosts = (patched_host(host, (), edits, trail)[0] for host in items(body, 2))
    kept = [*(host for host in hosts if host is not None), *added_hosts(edits, trail)]
    after = replaced(body, 2, kept)
    check_hosts(kept)
    return after


def patched_header(header: bytes, edits: RouteEdits, trail: Trail) -> tuple[bytes, list[bytes]]:
    """A RouteConfiguration without its virtual hosts, and those that patches bring along, in their turn patched."""
    for patch in edits.configuration:
        trail.note(patch, text(header, 1))
        header = merged_by(RouteConfiguration, header, patch)
    hosts = (patched_host(host, (), edits, trail)[0] for host in items(header, 2))
    return without(header, 2), [host for host in hosts if host is not None]


def added_hosts(edits: RouteEdits, trail: Trail) -> list[bytes]:
    """Virtual hosts that come last, as they are."""
    added = [patch for patch in edits.hosts if patch.operation is PatchOperation.ADD]
    for patch in added:
        trail.note(patch)
    return [patch.value for patch in added]


def check_hosts(hosts: Iterable[bytes]) -> None:
    """Raises InvalidResultError if two have a name or a domain in common, which Envoy refuses."""
    every = list(hosts)
    for what, found in (
        ("name", Counter(text(host, 1) for host in every)),
        ("domain", Counter(domain.lower() for host in every for domain in texts(host, 2))),
    ):
        twice = [each for each, count in found.items() if count > 1]
        if twice:
            raise InvalidResultError(f"two virtual hosts would have the {what} {twice[0]}")


def patched_host(host: bytes, rules: Rules, edits: RouteEdits, trail: Trail) -> tuple[bytes | None, Rules]:
    """A virtual host, None if it is removed, and where each of its routes comes from. rules: the same before."""
    for patch in edits.hosts:
        if patch.operation is PatchOperation.ADD or not host_matches(patch, host):
            continue
        trail.note(patch, text(host, 1))
        if patch.operation is PatchOperation.REMOVE:
            return None, ()
        before = host
        if patch.operation is PatchOperation.REPLACE:
            host, rules = patch.value, ()
        else:
            host = merged_by(VirtualHost, host, patch)
        rules = _with_new(rules, before, host, patch)
    patches = [patch for patch in edits.routes if host_matches(patch, host)]
    return _with_routes(host, rules, patches, trail) if patches else (host, rules)


def _with_new(rules: Rules, before: bytes, after: bytes, patch: ConfigPatch) -> Rules:
    """A patch's own routes come from it. Nothing is said if it is not known where those before come from."""
    known, count = len(items(before, 3)), len(items(after, 3))
    if rules and len(rules) != known:
        return ()
    return (*rules, *(Source(patch.object, patch.path) for _ in range(count - len(rules))))


@dataclass(frozen=True, slots=True)
class _Route:
    body: bytes
    rule: Source | None = None


def _with_routes(host: bytes, rules: Rules, patches: list[ConfigPatch], trail: Trail) -> tuple[bytes, Rules]:
    """Istio: each route is merged or removed first; then others are inserted."""
    bodies = items(host, 3)
    known = rules if len(rules) == len(bodies) else (None,) * len(bodies)
    before = [_Route(body, rule) for body, rule in zip(bodies, known, strict=True)]
    routes = [after for route in before if (after := _patched(route, patches, trail)) is not None]
    for patch in patches:
        if not patch.operation.is_merge and patch.operation is not PatchOperation.REMOVE:
            routes = _inserted(routes, patch, trail)
    return replaced(host, 3, (route.body for route in routes)), tuple(route.rule for route in routes)


def _patched(route: _Route, patches: list[ConfigPatch], trail: Trail) -> _Route | None:
    for patch in patches:
        removes = patch.operation is PatchOperation.REMOVE
        if (removes or patch.operation.is_merge) and route_matches(patch, route.body):
            trail.note(patch, text(route.body, 14))
            if removes:
                return None
            route = _Route(merged_by(Route, route.body, patch), route.rule)
    return route


def _inserted(routes: list[_Route], patch: ConfigPatch, trail: Trail) -> list[_Route]:
    """Istio: an insertion that names a route needs it to be there, even to come first."""
    new = _Route(patch.value, Source(patch.object, patch.path))
    asked = names_route(patch) and patch.operation is not PatchOperation.ADD
    if asked and not any(route_matches(patch, route.body) for route in routes):
        return routes
    matches = (lambda route: route_matches(patch, route.body)) if asked else None
    after = edited(routes, patch, new, matches)
    if after is None:
        return routes
    trail.note(patch)
    return after
