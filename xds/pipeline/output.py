"""What one translator returned, sorted by what becomes of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from envoy_data_plane.envoy.config.route.v3 import VirtualHost

from xds.pipeline.contribution import (
    Contribution,
    FilterPart,
    HttpFilterPart,
    ListenerPart,
    NetworkFilterPart,
    Patch,
    Resources,
    RouteOverride,
    RouteRef,
    VirtualHosts,
)
from xds.resources import Resource, TypeUrl

C = TypeVar("C")

Overrides: TypeAlias = Mapping[RouteRef, tuple[RouteOverride, ...]]
"""By the rule that they are for."""


@dataclass(frozen=True, slots=True, eq=False)
class Output:
    """The contributions of one translator.

    patches: of resources; host_patches: of virtual hosts. whole: in groups of one type each.
    """

    patches: tuple[Patch, ...]
    host_patches: tuple[Patch, ...]
    filters: tuple[FilterPart, ...]
    overrides: Overrides
    routes: tuple[VirtualHosts, ...]
    listeners: tuple[ListenerPart, ...]
    whole: tuple[Resources, ...]


def sort_output(contributions: tuple[Contribution, ...]) -> Output:
    """The contributions by kind, each kind in the order in which they came."""
    patches = _only(Patch, contributions)
    return Output(
        patches=tuple(patch for patch in patches if patch.message is not VirtualHost),
        host_patches=tuple(patch for patch in patches if patch.message is VirtualHost),
        filters=(*_only(HttpFilterPart, contributions), *_only(NetworkFilterPart, contributions)),
        overrides=_by_rule(_only(RouteOverride, contributions)),
        routes=_only(VirtualHosts, contributions),
        listeners=_only(ListenerPart, contributions),
        whole=tuple(part for group in _only(Resources, contributions) for part in _by_type(group)),
    )


def _only(kind: type[C], contributions: Iterable[Contribution]) -> tuple[C, ...]:
    return tuple(contribution for contribution in contributions if isinstance(contribution, kind))


def _by_rule(overrides: Iterable[RouteOverride]) -> Overrides:
    by_rule: dict[RouteRef, list[RouteOverride]] = {}
    for override in overrides:
        by_rule.setdefault(override.source, []).append(override)
    return {rule: tuple(group) for rule, group in by_rule.items()}


def _by_type(group: Resources) -> Iterator[Resources]:
    if group.type_url is not None:
        yield group
        return
    by_type: dict[TypeUrl, list[Resource]] = {}
    for resource in group.resources:
        by_type.setdefault(resource.type_url, []).append(resource)
    yield from (Resources(tuple(resources)) for resources in by_type.values())
