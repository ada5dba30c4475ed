"""EnvoyFilter: changes to Envoy's configuration itself (Istio ``EnvoyFilter``)."""

from __future__ import annotations

from xds.config.document import RawObject
from xds.config.kinds.envoy_filter_match import parse_match
from xds.config.kinds.honoured import with_prefixes
from xds.config.kinds.kind import ISTIO_NETWORKING, Context, Kind
from xds.config.kinds.result import result
from xds.config.reader import Reader
from xds.model.diagnostic import Diagnostic
from xds.model.envoy_filters import ApplyTo, ConfigPatch, EnvoyFilter, FilterClass, PatchOperation

_LISTENER = "spec.configPatches.match.listener"
_ROUTES = "spec.configPatches.match.routeConfiguration"

HONOURED = with_prefixes(
    {
        "spec": "priority workloadSelector.labels configPatches.applyTo",
        "spec.configPatches.match": "context proxy.proxyVersion proxy.metadata",
        "spec.configPatches.match.cluster": "name service subset portNumber",
        _LISTENER: "name portNumber portName listenerFilter",
        f"{_LISTENER}.filterChain": "name sni transportProtocol applicationProtocols destinationPort filter.name",
        f"{_LISTENER}.filterChain.filter.subFilter": "name",
        _ROUTES: "name portNumber portName gateway vhost.name vhost.domainName vhost.route.name vhost.route.action",
        "spec.configPatches.patch": "operation value filterClass",
    }
)

_O = PatchOperation
_INSERTIONS = frozenset({_O.INSERT_BEFORE, _O.INSERT_AFTER, _O.INSERT_FIRST})
_MERGES = frozenset({_O.MERGE, _O.MERGE_AND_REPLACE_LIST})
_OF_FILTERS = frozenset({_O.MERGE, _O.ADD, _O.REMOVE, _O.REPLACE}) | _INSERTIONS
_POSSIBLE = {
    ApplyTo.LISTENER: _MERGES | {_O.ADD, _O.REMOVE},
    ApplyTo.FILTER_CHAIN: _MERGES | {_O.ADD, _O.REMOVE},
    ApplyTo.LISTENER_FILTER: _OF_FILTERS,
    ApplyTo.NETWORK_FILTER: _OF_FILTERS,
    ApplyTo.HTTP_FILTER: _OF_FILTERS,
    ApplyTo.ROUTE_CONFIGURATION: _MERGES,
    ApplyTo.VIRTUAL_HOST: _MERGES | {_O.ADD, _O.REMOVE, _O.REPLACE},
    ApplyTo.HTTP_ROUTE: _MERGES | {_O.ADD, _O.REMOVE} | _INSERTIONS,
    ApplyTo.CLUSTER: _MERGES | {_O.ADD, _O.REMOVE},
    ApplyTo.EXTENSION_CONFIG: frozenset({_O.ADD}),
    ApplyTo.BOOTSTRAP: _MERGES,
}
"""What can be done with what. Istio leaves the rest of the pairs without effect."""

_UNORDERED = frozenset({ApplyTo.LISTENER, ApplyTo.FILTER_CHAIN, ApplyTo.VIRTUAL_HOST, ApplyTo.CLUSTER})
"""Here Istio takes every insertion for ADD."""


def parse(raw: RawObject, context: Context) -> tuple[EnvoyFilter | None, tuple[Diagnostic, ...]]:
    """The EnvoyFilter of a document; see :class:`~xds.config.kinds.kind.Kind`."""
    root = Reader(raw)
    spec = root.section("spec")
    patches = tuple(filter(None, (_patch(reader, index) for index, reader in enumerate(spec.items("configPatches")))))
    if spec.items("targetRefs"):
        reason = "names a Gateway of the Gateway API or a waypoint, which are not here: the EnvoyFilter has no effect"
        spec.warning("targetRefs", reason, "no-effect")
        patches = ()
    selector = spec.section("workloadSelector").labels("labels") or None
    return result(root, EnvoyFilter(raw.meta, patches, selector, spec.integer("priority")))


def _patch(reader: Reader, index: int) -> ConfigPatch | None:
    """None if there is an error, or if it can have no effect, of which the user is told."""
    apply_to, patch = reader.text("applyTo", "INVALID"), reader.section("patch")
    if apply_to == "INVALID":
        reader.error("applyTo", "is missing: it says what the patch is a change of", "missing-field")
        return None
    target = ApplyTo(apply_to)
    operation = _operation(patch, target)
    conditions = parse_match(reader.section("match"), target)
    if operation is None or conditions is None:
        return None
    value, name = b"", ""
    if operation is not PatchOperation.REMOVE:
        # Loads Envoy's message classes, which takes a while, and few meshes have EnvoyFilters.
        from xds.config.kinds.envoy_filter_value import decode_value

        value, name = decode_value(patch, target, operation)
    return ConfigPatch(
        object=reader.raw.key,
        index=index,
        origin=reader.origin,
        apply_to=target,
        operation=operation,
        value=value,
        name=name,
        filter_class=_filter_class(patch, target),
        context=conditions.context,
        proxy=conditions.proxy,
        listener=conditions.listener,
        route=conditions.route,
        cluster=conditions.cluster,
    )


def _operation(patch: Reader, target: ApplyTo) -> PatchOperation | None:
    text = patch.text("operation", "INVALID")
    if text == "INVALID":
        patch.error("operation", "is missing: it says what is to be done", "missing-field")
        return None
    operation = PatchOperation(text)
    if operation in _INSERTIONS and target in _UNORDERED:
        operation = PatchOperation.ADD
    if operation not in _POSSIBLE[target]:
        possible = ", ".join(each.value for each in PatchOperation if each in _POSSIBLE[target])
        reason = f"{text} does nothing for {target.value}, in Istio neither: this patch has no effect; use {possible}"
        patch.warning("operation", reason, "no-effect")
        return None
    if operation is not PatchOperation.REMOVE and not patch.has("value"):
        patch.error("value", f"is missing: {text} needs one", "missing-field")
        return None
    return operation


def _filter_class(patch: Reader, target: ApplyTo) -> FilterClass:
    chosen = FilterClass(patch.text("filterClass", "UNSPECIFIED"))
    if chosen is not FilterClass.UNSPECIFIED and (target, patch.text("operation")) != (ApplyTo.HTTP_FILTER, "ADD"):
        patch.warning("filterClass", "counts for the ADD of an HTTP_FILTER only", "no-effect")
    return chosen


KIND = Kind(
    name="EnvoyFilter",
    group=ISTIO_NETWORKING,
    versions=("v1alpha3",),
    honoured=HONOURED,
    parse=parse,
)
