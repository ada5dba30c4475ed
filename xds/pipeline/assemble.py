"""The only fold over contributions: parts are spliced into resources, user patches run last.

Everything is remembered in layers, so that a translator whose output is the same tuple as before, because it had the
memo build it, costs a look-up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from xds.pipeline.contribution import (
    Contribution,
    HttpFilterPart,
    ListenerPart,
    Patch,
    Resources,
    RouteOverride,
    VirtualHostPart,
    VirtualHosts,
)
from xds.pipeline.memo import Memo
from xds.pipeline.merge import Merged, Mergers
from xds.pipeline.output import Output, Overrides, sort_output
from xds.pipeline.patching import Report, patch_resources, patch_virtual_host
from xds.pipeline.splice import (
    JoinedVirtualHosts,
    VirtualHost,
    build_listener,
    build_route_configuration,
    build_virtual_host,
    join_virtual_hosts,
)
from xds.resources import LISTENER, ROUTE, PartSources, Resource, ResourceSet, Snapshot, TypeUrl


def assemble(
    contributions: Sequence[tuple[Contribution, ...]], mergers: Mergers, memo: Memo, report: Report
) -> Snapshot:
    """One snapshot out of what each translator returned. Earlier contributions win where names collide."""
    outputs = [memo(sort_output, output) for output in contributions]
    patches = [patch for output in outputs for patch in (*output.patches, *output.host_patches)]
    groups: dict[TypeUrl, list[Resources]] = {
        ROUTE: _routes(outputs, memo, report),
        LISTENER: _listeners(outputs, memo),
    }
    for output in outputs:
        for group in output.whole:
            if group.type_url is not None:
                groups.setdefault(group.type_url, []).append(group)
    merged = {url: memo(mergers[url], *groups[url]) for url in groups}
    return Snapshot({url: _resource_set(url, merged[url], patches, memo, report) for url in groups})


def _resource_set(
    type_url: TypeUrl, merged: Merged, patches: Sequence[Patch], memo: Memo, report: Report
) -> ResourceSet:
    for name in merged.collisions:
        report(f"{type_url.rpartition('.')[2]} {name!r} is contributed twice; the later one is ignored")
    return patch_resources(merged.set, type_url, patches, memo, report)


# Listeners


def _listeners(outputs: Sequence[Output], memo: Memo) -> list[Resources]:
    filters = sorted((part for output in outputs for part in output.filters), key=lambda part: part.phase)
    return [memo(_build_listeners, output.listeners, memo, *filters) for output in outputs if output.listeners]


def _build_listeners(parts: tuple[ListenerPart, ...], memo: Memo, *filters: HttpFilterPart) -> Resources:
    return Resources(tuple(memo(build_listener, part, *filters) for part in parts))


# Routes


@dataclass(frozen=True, slots=True, eq=False)
class _Routes:
    """failures: what is to be reported of patches that could not be used."""

    resources: Resources
    failures: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Hosts:
    """failures: as in `_Routes`."""

    joined: JoinedVirtualHosts
    failures: tuple[str, ...]


def _routes(outputs: Sequence[Output], memo: Memo, report: Report) -> list[Resources]:
    patches = memo(_patches, *(patch for output in outputs for patch in output.host_patches))
    overrides = [output.overrides for output in outputs if output.overrides]
    built = [memo(_build_routes, output.routes, patches, memo, *overrides) for output in outputs if output.routes]
    for failure in (failure for routes in built for failure in routes.failures):
        report(failure)
    return [routes.resources for routes in built]


def _patches(*patches: Patch) -> tuple[Patch, ...]:
    return patches


def _build_routes(
    parts: tuple[VirtualHosts, ...], patches: tuple[Patch, ...], memo: Memo, *overrides: Overrides
) -> _Routes:
    failures: list[str] = []
    resources: list[Resource] = []
    for part in parts:
        groups = [memo(_build_hosts, group, patches, memo, *overrides) for group in part.groups]
        failures += chain.from_iterable(group.failures for group in groups)
        resources.append(memo(build_route_configuration, part, *(group.joined for group in groups)))
    return _Routes(Resources(tuple(resources)), tuple(failures))


def _build_hosts(
    parts: tuple[VirtualHostPart, ...], patches: tuple[Patch, ...], memo: Memo, *overrides: Overrides
) -> _Hosts:
    failures: list[str] = []
    hosts: list[VirtualHost] = []
    for part in parts:
        host = memo(build_virtual_host, part, *_applicable(part, overrides))
        body = patch_virtual_host(part.name, host.body, patches, memo, failures.append)
        hosts.append(host if body is host.body else memo(_patched_host, body, host))
    return _Hosts(memo(join_virtual_hosts, *hosts), tuple(failures))


def _patched_host(body: bytes, before: VirtualHost) -> VirtualHost:
    """Nobody knows which of its routes are still those that they were."""
    return VirtualHost(body, PartSources(before.sources.origins))


def _applicable(part: VirtualHostPart, overrides: Sequence[Overrides]) -> list[RouteOverride]:
    rules = dict.fromkeys(route.source for route in part.routes if route.source is not None) if overrides else {}
    return [override for rule in rules for table in overrides for override in table.get(rule, ())]
