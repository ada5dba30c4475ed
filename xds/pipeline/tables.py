"""RouteConfigurations, spliced out of virtual hosts that are patched one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from xds.model.envoy_filters import ConfigPatch
from xds.pipeline.contribution import Patch, Resources, RouteOverride, VirtualHostPart, VirtualHosts
from xds.pipeline.envoyfilter.outcome import Refusal, Tally
from xds.pipeline.envoyfilter.plan import Plan
from xds.pipeline.envoyfilter.routes import RouteEdits
from xds.pipeline.envoyfilter.spliced import claims_domains, doubled, edits_for, patch_header, patch_host
from xds.pipeline.memo import Memo
from xds.pipeline.output import Output, Overrides
from xds.pipeline.patching import Report, patch_virtual_host
from xds.pipeline.splice import (
    JoinedVirtualHosts,
    VirtualHost,
    build_route_configuration,
    build_virtual_host,
    join_virtual_hosts,
)
from xds.resources import PartSources, Resource


@dataclass(frozen=True, slots=True, eq=False)
class _Told:
    """What is to be reported beside a result. failures: of translators' patches that could not be used; applied and
    refused: of EnvoyFilters'."""

    failures: tuple[str, ...] = ()
    applied: tuple[ConfigPatch, ...] = ()
    refused: tuple[Refusal, ...] = ()

    @staticmethod
    def of(parts: Sequence[_Told]) -> _Told:
        """All of it together."""
        return _Told(
            tuple(chain.from_iterable(part.failures for part in parts)),
            tuple(dict.fromkeys(chain.from_iterable(part.applied for part in parts))),
            tuple(chain.from_iterable(part.refused for part in parts)),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Routes:
    resources: Resources
    told: _Told


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    resource: Resource
    told: _Told


@dataclass(frozen=True, slots=True, eq=False)
class _Hosts:
    joined: JoinedVirtualHosts
    told: _Told


def build_tables(
    outputs: Sequence[Output], memo: Memo, report: Report, plan: Plan | None, tally: Tally
) -> list[Resources]:
    """Every RouteConfiguration that is contributed in parts. Failures are reported, and told to ``tally``."""
    patches = memo(_patches, *(patch for output in outputs for patch in output.host_patches))
    overrides = [output.overrides for output in outputs if output.overrides]
    built = [memo(_build_routes, output.routes, patches, plan, memo, *overrides) for output in outputs if output.routes]
    for told in (routes.told for routes in built):
        for failure in told.failures:
            report(failure)
        tally.add(told.applied, told.refused)
    return [routes.resources for routes in built]


def _patches(*patches: Patch) -> tuple[Patch, ...]:
    return patches


def _build_routes(
    parts: tuple[VirtualHosts, ...], patches: tuple[Patch, ...], plan: Plan | None, memo: Memo, *overrides: Overrides
) -> _Routes:
    tables = []
    for part in parts:
        edits = memo(edits_for, plan, part.route_config, memo) if plan is not None else None
        tables.append(_build_table(part, patches, edits, memo, *overrides))
    resources = Resources(tuple(table.resource for table in tables))
    return _Routes(resources, _Told.of([table.told for table in tables]))


def _build_table(
    part: VirtualHosts, patches: tuple[Patch, ...], edits: RouteEdits | None, memo: Memo, *overrides: Overrides
) -> _Table:
    table = _spliced(part, patches, edits, memo, *overrides)
    claiming = claims_domains(edits) if edits is not None else ()
    if edits is None or not claiming or not memo(doubled, table.resource.body):
        return table
    what = f"RouteConfiguration {part.route_config}"
    kept = [patch for patch in edits.all if patch not in claiming]
    refused: list[Refusal] = []
    for patch in claiming:
        trial = _spliced(part, patches, memo(_only, edits, *kept, patch), memo, *overrides)
        if reason := memo(doubled, trial.resource.body):
            refused.append(Refusal(patch, what, reason))
        else:
            kept.append(patch)
    table = _spliced(part, patches, memo(_only, edits, *kept), memo, *overrides)
    return _Table(table.resource, _Told.of([table.told, _Told(refused=tuple(refused))]))


def _only(edits: RouteEdits, *patches: ConfigPatch) -> RouteEdits:
    return edits.only(patches)


def _spliced(
    part: VirtualHosts, patches: tuple[Patch, ...], edits: RouteEdits | None, memo: Memo, *overrides: Overrides
) -> _Table:
    groups = [memo(_build_hosts, group, patches, edits, memo, *overrides) for group in part.groups]
    told = [group.told for group in groups]
    joined = [group.joined for group in groups]
    if edits is None:
        return _Table(memo(build_route_configuration, part, *joined), _Told.of(told))
    header = memo(patch_header, part, edits)
    resource = memo(build_route_configuration, header.part, *joined, header.added)
    return _Table(resource, _Told.of([*told, _Told((), header.applied, header.refused)]))


def _build_hosts(
    parts: tuple[VirtualHostPart, ...],
    patches: tuple[Patch, ...],
    edits: RouteEdits | None,
    memo: Memo,
    *overrides: Overrides,
) -> _Hosts:
    failures: list[str] = []
    told: list[_Told] = []
    hosts: list[VirtualHost] = []
    for part in parts:
        host: VirtualHost | None = memo(build_virtual_host, part, *_applicable(part, overrides))
        if host is not None and edits is not None:
            done = memo(patch_host, host, edits)
            told.append(_Told((), done.applied, done.refused))
            host = done.host
        if host is not None:
            body = patch_virtual_host(part.name, host.body, patches, memo, failures.append)
            hosts.append(host if body is host.body else memo(_patched_host, body, host))
    return _Hosts(memo(join_virtual_hosts, *hosts), _Told.of([_Told(tuple(failures)), *told]))


def _patched_host(body: bytes, before: VirtualHost) -> VirtualHost:
    """Nobody knows which of its routes are still those that they were."""
    return VirtualHost(body, PartSources(before.sources.origins))


def _applicable(part: VirtualHostPart, overrides: Sequence[Overrides]) -> list[RouteOverride]:
    rules = dict.fromkeys(route.source for route in part.routes if route.source is not None) if overrides else {}
    return [override for rule in rules for table in overrides for override in table.get(rule, ())]
