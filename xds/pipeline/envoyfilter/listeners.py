"""Listeners, their filter chains, and the filters in them.

Field numbers are Envoy's: Listener.filter_chains 3, listener_filters 9, traffic_direction 16, default_filter_chain 25;
FilterChain.filters 3, name 7; Filter.name 1, typed_config 4; HttpConnectionManager.route_config 4, http_filters 5;
RouteConfiguration.name 1; TrafficDirection.INBOUND 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from envoy_data_plane.envoy.config.listener.v3 import Filter, FilterChain, Listener, ListenerFilter
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpFilter

from xds.model.envoy_filters import ApplyTo, ConfigPatch, PatchContext, PatchOperation
from xds.pipeline.envoyfilter.encoded import integer, items, message, replaced, text
from xds.pipeline.envoyfilter.filters import merged_by, patched_filters
from xds.pipeline.envoyfilter.match import chain_matches, http_filter, listener_matches, network_filter
from xds.pipeline.envoyfilter.outcome import InvalidResultError, Trail
from xds.pipeline.envoyfilter.plan import Plan
from xds.pipeline.envoyfilter.routes import patched_configuration, route_edits
from xds.pipeline.references import HCM_TYPE_URL
from xds.resources import NO_SOURCES, PartSources
from xds.wire.merge import unpack
from xds.wire.splice import any_of

_CHAINS, _DEFAULT_CHAIN, _LISTENER_FILTERS, _DIRECTION, _INBOUND = 3, 25, 9, 16, 1
_FILTERS, _CONFIG, _ROUTES, _HTTP_FILTERS = 3, 4, 4, 5
_HTTP_CONNECTION_MANAGER = "envoy.filters.network.http_connection_manager"


@dataclass(frozen=True, slots=True)
class _Chain:
    """A filter chain and where it comes from."""

    body: bytes
    sources: PartSources


def patched_listener(
    body: bytes, parts: tuple[PartSources, ...], plan: Plan, trail: Trail
) -> tuple[bytes, tuple[PartSources, ...]] | None:
    """A listener with where its chains come from; None if it is removed. parts: the same before, if it is known."""
    context = plan.context(inbound=integer(body, _DIRECTION) == _INBOUND)
    for patch in plan.of(ApplyTo.LISTENER, context):
        if patch.operation is PatchOperation.ADD or not listener_matches(patch, body, plan):
            continue
        trail.note(patch, text(body, 1))
        if patch.operation is PatchOperation.REMOVE:
            return None
        body = merged_by(Listener, body, patch)
    return _Inside(body, context, plan, trail).patched(parts)


class _Inside:
    """The patches of what is in a listener."""

    def __init__(self, listener: bytes, context: PatchContext, plan: Plan, trail: Trail) -> None:
        self._listener = listener
        self._context = context
        self._plan = plan
        self._trail = trail
        self._chain_patches = self._of(ApplyTo.FILTER_CHAIN)
        self._network_patches = self._of(ApplyTo.NETWORK_FILTER)
        self._http_patches = self._of(ApplyTo.HTTP_FILTER)

    def _of(self, target: ApplyTo) -> list[ConfigPatch]:
        patches = self._plan.of(target, self._context)
        return [patch for patch in patches if listener_matches(patch, self._listener, self._plan)]

    def patched(self, parts: tuple[PartSources, ...]) -> tuple[bytes, tuple[PartSources, ...]]:
        listener = self._listener
        before = items(listener, _LISTENER_FILTERS)
        filters = patched_filters(
            ListenerFilter, before, self._of(ApplyTo.LISTENER_FILTER), _listener_filter, self._trail
        )
        if filters != before:
            listener = replaced(listener, _LISTENER_FILTERS, filters)
        bodies, default = items(listener, _CHAINS), items(listener, _DEFAULT_CHAIN)
        every = [*bodies, b"".join(default)] if default else bodies
        known = parts if len(parts) == len(every) else (NO_SOURCES,) * len(every)
        chains = [self._patched(_Chain(body, source)) for body, source in zip(every, known, strict=True)]
        last = chains.pop() if default else None
        kept = [*filter(None, chains), *self._added()]
        if every and not kept and last is None:
            raise InvalidResultError("no filter chain would be left in it: REMOVE the LISTENER instead", self._trail)
        listener = replaced(listener, _CHAINS, (chain.body for chain in kept))
        listener = replaced(listener, _DEFAULT_CHAIN, [last.body] if last is not None else [])
        return listener, tuple(chain.sources for chain in (*kept, *filter(None, (last,))))

    def _added(self) -> list[_Chain]:
        added = [patch for patch in self._chain_patches if patch.operation is PatchOperation.ADD]
        for patch in added:
            self._trail.note(patch)
        return [_Chain(patch.value, PartSources((patch.object,))) for patch in added]

    def _patched(self, chain: _Chain) -> _Chain | None:
        """None if it is removed."""
        trail = Trail()
        body = self._with_routes(chain.body, trail)
        for patch in self._chain_patches:
            if patch.operation is PatchOperation.ADD or not self._is_for(patch, body):
                continue
            self._trail.note(patch, text(body, 7))
            if patch.operation is PatchOperation.REMOVE:
                return None
            trail.note(patch, text(body, 7))
            body = merged_by(FilterChain, body, patch)
        body = self._with_filters(body, trail)
        self._trail.applied.update(trail.applied)
        if not trail.applied:
            return chain
        return _Chain(body, _marked(chain.sources, trail))

    def _is_for(self, patch: ConfigPatch, chain: bytes) -> bool:
        return chain_matches(patch, self._listener, chain, self._plan)

    def _with_filters(self, chain: bytes, trail: Trail) -> bytes:
        before = items(chain, _FILTERS)
        patches = [patch for patch in self._network_patches if self._is_for(patch, chain)]
        filters = patched_filters(Filter, before, patches, network_filter, trail) if patches else before
        patches = [patch for patch in self._http_patches if self._is_for(patch, chain)]
        if patches:
            filters = [_in_manager(each, lambda manager: _http_filters(manager, patches, trail)) for each in filters]
        return chain if filters == before else replaced(chain, _FILTERS, filters)

    def _with_routes(self, chain: bytes, trail: Trail) -> bytes:
        """Istio: routes that are part of a listener are patched before the listener is."""
        before = items(chain, _FILTERS)
        filters = [_in_manager(each, lambda manager: self._routes(manager, trail)) for each in before]
        return chain if filters == before else replaced(chain, _FILTERS, filters)

    def _routes(self, manager: bytes, trail: Trail) -> bytes:
        routes = message(manager, _ROUTES)
        edits = route_edits(self._plan, text(routes, 1), self._context) if routes else None
        if edits is None:
            return manager
        after = patched_configuration(routes, edits, trail)
        return manager if after == routes else replaced(manager, _ROUTES, [after])


def _listener_filter(patch: ConfigPatch) -> str | None:
    return (patch.listener.listener_filter or None) if patch.listener is not None else None


def _marked(sources: PartSources, trail: Trail) -> PartSources:
    origins = tuple(dict.fromkeys((*trail.objects, *sources.origins)))
    return sources._replace(origins=origins, patched=(*sources.patched, *trail.marks))


def _in_manager(network: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """A network filter after ``change`` of the HttpConnectionManager in it, if it is one of that name."""
    if text(network, 1) != _HTTP_CONNECTION_MANAGER:
        return network
    url, manager = unpack(message(network, _CONFIG))
    if url != HCM_TYPE_URL:
        return network
    after = change(manager)
    return network if after is manager else replaced(network, _CONFIG, [any_of(url, after)])


def _http_filters(manager: bytes, patches: list[ConfigPatch], trail: Trail) -> bytes:
    """Istio: a merge has to name its filter."""
    before = items(manager, _HTTP_FILTERS)
    able = [patch for patch in patches if http_filter(patch) is not None or not patch.operation.is_merge]
    named = [patch for patch in able if network_filter(patch) in (None, _HTTP_CONNECTION_MANAGER)]
    filters = patched_filters(HttpFilter, before, named, http_filter, trail)
    return manager if filters == before else replaced(manager, _HTTP_FILTERS, filters)
