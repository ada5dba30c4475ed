"""Whole resources after all patches, and those that patches add. Each is worked out once for the same inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import betterproto2
from envoy_data_plane.envoy.config.cluster.v3 import Cluster
from envoy_data_plane.envoy.config.core.v3 import TypedExtensionConfig
from envoy_data_plane.envoy.config.listener.v3 import Listener
from envoy_data_plane.envoy.config.route.v3 import RouteConfiguration

from xds.model.envoy_filters import ApplyTo, ConfigPatch, PatchContext, PatchOperation
from xds.pipeline.contribution import Resources
from xds.pipeline.envoyfilter.check import check, check_name, decoded, leaving_out
from xds.pipeline.envoyfilter.clusters import concerns_references, patched_cluster
from xds.pipeline.envoyfilter.listeners import patched_listener
from xds.pipeline.envoyfilter.outcome import InvalidResultError, Outcome, Refusal, Trail
from xds.pipeline.envoyfilter.plan import Plan
from xds.pipeline.envoyfilter.routes import patched_configuration, route_edits
from xds.pipeline.memo import Memo
from xds.pipeline.references import references_of
from xds.resources import CLUSTER, LISTENER, ROUTE, PartSources, Reference, Resource, TypeUrl
from xds.resources.types import EXTENSION_CONFIG

Parts = tuple[PartSources, ...]
Patched = tuple[bytes, Parts] | None
"""A body with where its parts come from; None if the resource is removed."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """What is done with resources of one type."""

    message: type[betterproto2.Message]
    apply: Callable[[Resource, Plan, Trail], Patched]


def _cluster(resource: Resource, plan: Plan, trail: Trail) -> Patched:
    body = patched_cluster(resource.body, plan, trail)
    return None if body is None else (body, resource.parts)


def _listener(resource: Resource, plan: Plan, trail: Trail) -> Patched:
    return patched_listener(resource.body, resource.parts, plan, trail)


def _route(resource: Resource, plan: Plan, trail: Trail) -> Patched:
    edits = route_edits(plan, resource.name, plan.context(inbound=False))
    body = patched_configuration(resource.body, edits, trail) if edits is not None else resource.body
    return body, resource.parts if body is resource.body else ()


_KINDS: Mapping[TypeUrl, _Kind] = MappingProxyType(
    {CLUSTER: _Kind(Cluster, _cluster), LISTENER: _Kind(Listener, _listener), ROUTE: _Kind(RouteConfiguration, _route)}
)


@dataclass(frozen=True, slots=True, eq=False)
class _One:
    """resource: None if it is removed."""

    resource: Resource | None
    applied: tuple[ConfigPatch, ...] = ()
    refused: tuple[Refusal, ...] = ()


def patched_group(group: Resources, plan: Plan, memo: Memo) -> Outcome:
    """Resources of one type. Those of a type that no patch can be for stay as they are."""
    if group.type_url not in _KINDS:
        return Outcome(group)
    results = [memo(_patched, resource, plan) for resource in group.resources]
    applied = tuple(dict.fromkeys(patch for one in results for patch in one.applied))
    refused = tuple(refusal for one in results for refusal in one.refused)
    if not applied:
        return Outcome(group, (), refused)
    return Outcome(Resources(tuple(one.resource for one in results if one.resource is not None)), applied, refused)


def _patched(resource: Resource, plan: Plan) -> _One:
    what = f"{resource.type_url.rpartition('.')[2]} {resource.name}"
    one, refused = leaving_out(plan.patches, what, lambda patches: _attempt(resource, plan.only(patches)))
    return _One(one.resource, one.applied, refused)


def _attempt(resource: Resource, plan: Plan) -> _One:
    kind, trail = _KINDS[resource.type_url], Trail()
    after = kind.apply(resource, plan, trail)
    if after is None or not trail.applied:
        return _One(None if after is None else resource, tuple(trail.applied))
    body, parts = after
    check(kind.message, body, trail)
    check_name(body, resource.name, trail)
    origins = tuple(dict.fromkeys((*trail.objects, *resource.origins)))
    references = _references(resource, body, trail)
    made = Resource.of(
        resource.type_url, resource.name, body, references, origins, resource.ttl, resource.aliases, parts
    )
    return _One(made, tuple(trail.applied))


def _references(resource: Resource, body: bytes, trail: Trail) -> tuple[Reference, ...]:
    """Of a cluster, which there may be thousands of, they are looked for only if patches may have changed them."""
    if resource.type_url == CLUSTER and not any(concerns_references(patch) for patch in trail.applied):
        return resource.references
    return references_of(decoded(_KINDS[resource.type_url].message, body))


_ADDED: Mapping[ApplyTo, tuple[TypeUrl, type[betterproto2.Message]]] = MappingProxyType(
    {
        ApplyTo.CLUSTER: (CLUSTER, Cluster),
        ApplyTo.LISTENER: (LISTENER, Listener),
        ApplyTo.EXTENSION_CONFIG: (EXTENSION_CONFIG, TypedExtensionConfig),
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class Added:
    """What patches add: by type, and by type and name the patch that did."""

    groups: Mapping[TypeUrl, Resources]
    by_name: Mapping[tuple[TypeUrl, str], ConfigPatch]
    refused: tuple[Refusal, ...]


def added_resources(plan: Plan) -> Added:
    """Istio: where a patch says no context, a sidecar has it once, with what goes out."""
    found: dict[TypeUrl, list[Resource]] = {url: [] for url, _ in _ADDED.values()}
    by_name: dict[tuple[TypeUrl, str], ConfigPatch] = {}
    refused: list[Refusal] = []
    for patch in _additions(plan):
        url, message = _ADDED[patch.apply_to]
        try:
            check(message, patch.value)
        except InvalidResultError as error:
            refused.append(Refusal(patch, f"{message.__name__} {patch.name}", str(error)))
            continue
        references = references_of(decoded(message, patch.value))
        by_name.setdefault((url, patch.name), patch)
        found[url].append(Resource.of(url, patch.name, patch.value, references, (patch.object,)))
    groups = {url: Resources(tuple(resources)) for url, resources in found.items() if resources}
    return Added(groups, by_name, tuple(refused))


def _additions(plan: Plan) -> Iterable[ConfigPatch]:
    contexts = (PatchContext.ANY, *plan.contexts)
    for patch in plan.patches:
        if patch.apply_to in _ADDED and patch.operation is PatchOperation.ADD and patch.context in contexts:
            yield patch
