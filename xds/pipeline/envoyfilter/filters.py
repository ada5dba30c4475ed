"""Lists of filters: of a listener, of a filter chain, of an HTTP connection manager.

Field numbers are Envoy's: ListenerFilter, Filter and HttpFilter have name 1; Filter and HttpFilter typed_config 4 and
config_discovery 5.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from betterproto2 import Message

from xds.model.envoy_filters import ConfigPatch, FilterClass, PatchOperation
from xds.pipeline.envoyfilter.edit import edited
from xds.pipeline.envoyfilter.encoded import has, text
from xds.pipeline.envoyfilter.outcome import InvalidResultError, Trail
from xds.wire.merge import merged

Named = Callable[[ConfigPatch], str | None]
"""Which filter a patch names; None if none."""

_TYPED_CONFIG, _CONFIG_DISCOVERY = 4, 5
_HTTP = "envoy.filters.http"
_AUTHENTICATION = frozenset({f"{_HTTP}.cors", f"{_HTTP}.jwt_authn"})
_AUTHORIZATION = _AUTHENTICATION | {f"{_HTTP}.ext_authz", f"{_HTTP}.rbac"}
_AFTER_STATISTICS = frozenset({"istio.stats", f"{_HTTP}.router"})


def patched_filters(
    cls: type[Message], filters: list[bytes], patches: Sequence[ConfigPatch], named: Named, trail: Trail
) -> list[bytes]:
    """The filters after all patches; the same list if there is nothing to do. Istio: merges come last."""
    for patch in patches:
        if not patch.operation.is_merge:
            filters = _edited(filters, patch, named(patch), trail)
    return [_merged(cls, each, patches, named, trail) for each in filters]


def _edited(filters: list[bytes], patch: ConfigPatch, name: str | None, trail: Trail) -> list[bytes]:
    if patch.operation is PatchOperation.ADD and patch.filter_class is not FilterClass.UNSPECIFIED:
        trail.note(patch)
        place = _place(filters, patch.filter_class)
        return [*filters[:place], patch.value, *filters[place:]]
    if name is None and patch.operation in (PatchOperation.REMOVE, PatchOperation.REPLACE):
        return filters  # Istio: which one has to be said
    after = edited(filters, patch, patch.value, None if name is None else lambda each: text(each, 1) == name)
    if after is None:
        return filters
    trail.note(patch, name or "" if patch.operation is PatchOperation.REMOVE else "")
    return after


def _place(filters: list[bytes], wanted: FilterClass) -> int:
    """Behind the last filter that comes before what the class says."""
    names = [text(each, 1) for each in filters]
    if wanted is FilterClass.STATS:
        return next((index for index, name in enumerate(names) if name in _AFTER_STATISTICS), len(names))
    before = _AUTHENTICATION if wanted is FilterClass.AUTHN else _AUTHORIZATION
    return max((index + 1 for index, name in enumerate(names) if name in before), default=0)


def _merged(cls: type[Message], body: bytes, patches: Sequence[ConfigPatch], named: Named, trail: Trail) -> bytes:
    for patch in patches:
        if patch.operation.is_merge and named(patch) in (None, text(body, 1)):
            trail.note(patch, text(body, 1))
            _check_merge(body, patch, trail)
            body = merged_by(cls, body, patch)
    return body


def _check_merge(body: bytes, patch: ConfigPatch, trail: Trail) -> None:
    """A merge would not change what the filter finds by its name, but take its place: a filter that verifies tokens
    would let all pass."""
    if has(body, _CONFIG_DISCOVERY) and has(patch.value, _TYPED_CONFIG):
        reason = f"{text(body, 1)} finds its configuration by name (ECDS), which a merge would replace"
        raise InvalidResultError(reason, trail)


def merged_by(cls: type[Message], body: bytes, patch: ConfigPatch) -> bytes:
    """A message with the patch's value merged into it."""
    replace = patch.operation is PatchOperation.MERGE_AND_REPLACE_LIST
    return merged(cls, body, patch.value, replace_lists=replace)
