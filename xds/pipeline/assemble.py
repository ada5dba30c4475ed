"""The only fold over contributions: parts are spliced into resources, EnvoyFilters change them, user patches run last.

Everything is remembered in layers, so that a translator whose output is the same tuple as before, because it had the
memo build it, costs a look-up.
"""

from __future__ import annotations

from collections.abc import Sequence

from xds.pipeline.contribution import Contribution, FilterPart, ListenerPart, Patch, Resources
from xds.pipeline.envoyfilter.apply import added_resources, patched_group
from xds.pipeline.envoyfilter.outcome import Refusal, Tally
from xds.pipeline.envoyfilter.plan import Plan
from xds.pipeline.memo import Memo
from xds.pipeline.merge import Merged, Mergers
from xds.pipeline.output import Output, sort_output
from xds.pipeline.patching import Report, patch_resources
from xds.pipeline.splice import build_listener
from xds.pipeline.tables import build_tables
from xds.resources import LISTENER, ROUTE, ResourceSet, Snapshot, TypeUrl

Groups = dict[TypeUrl, list[Resources]]


def assemble(
    contributions: Sequence[tuple[Contribution, ...]],
    mergers: Mergers,
    memo: Memo,
    report: Report,
    plan: Plan | None = None,
    tally: Tally | None = None,
) -> Snapshot:
    """One snapshot out of what each translator returned. Earlier contributions win where names collide.

    plan: the patches of EnvoyFilters, None if there are none; tally: is told what becomes of them.
    """
    told = Tally() if tally is None else tally
    outputs = [memo(sort_output, output) for output in contributions]
    patches = [patch for output in outputs for patch in (*output.patches, *output.host_patches)]
    groups: Groups = {LISTENER: _listeners(outputs, memo)}
    for output in outputs:
        for group in output.whole:
            if group.type_url is not None:
                groups.setdefault(group.type_url, []).append(group)
    if plan is not None:
        groups = _patched(groups, plan, memo, told)
    groups[ROUTE] = [*build_tables(outputs, memo, report, plan, told), *groups.get(ROUTE, ())]
    merged = {url: memo(mergers[url], *groups[url]) for url in groups}
    return Snapshot({url: _resource_set(url, merged[url], patches, memo, report) for url in groups})


def _resource_set(
    type_url: TypeUrl, merged: Merged, patches: Sequence[Patch], memo: Memo, report: Report
) -> ResourceSet:
    for name in merged.collisions:
        report(f"{type_url.rpartition('.')[2]} {name!r} is contributed twice; the later one is ignored")
    return patch_resources(merged.set, type_url, patches, memo, report)


# EnvoyFilters


def _patched(groups: Groups, plan: Plan, memo: Memo, tally: Tally) -> Groups:
    """Everything but what is spliced out of virtual hosts, and what patches add."""
    after: Groups = {}
    for url, each in groups.items():
        outcomes = [memo(patched_group, group, plan, memo) for group in each]
        for outcome in outcomes:
            tally.add(outcome.applied, outcome.refused)
        after[url] = [outcome.resources for outcome in outcomes]
    _add(after, plan, memo, tally)
    return after


def _add(groups: Groups, plan: Plan, memo: Memo, tally: Tally) -> None:
    added = memo(added_resources, plan)
    tally.add((), added.refused)
    for url, group in added.groups.items():
        taken = [name for name in group.by_name if any(name in other.by_name for other in groups.get(url, ()))]
        for name in taken:
            what = f"{url.rpartition('.')[2]} {name}"
            refusal = Refusal(added.by_name[url, name], what, "there is one of this name already, which MERGE changes")
            tally.add((), (refusal,))
        tally.add(patch for (of, name), patch in added.by_name.items() if of == url and name not in taken)
        groups.setdefault(url, []).append(memo(_others, group, *taken) if taken else group)


def _others(group: Resources, *names: str) -> Resources:
    return Resources(tuple(resource for resource in group.resources if resource.name not in names))


# Listeners


def _listeners(outputs: Sequence[Output], memo: Memo) -> list[Resources]:
    filters = sorted((part for output in outputs for part in output.filters), key=lambda part: part.phase)
    return [memo(_build_listeners, output.listeners, memo, *filters) for output in outputs if output.listeners]


def _build_listeners(parts: tuple[ListenerPart, ...], memo: Memo, *filters: FilterPart) -> Resources:
    return Resources(tuple(memo(build_listener, part, *filters) for part in parts))
