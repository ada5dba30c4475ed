"""Envoy's filter that changes headers: which ones a request loses, before others look at it."""

from __future__ import annotations

from dataclasses import replace

from envoy_data_plane.envoy.extensions.filters.http.header_mutation.v3 import HeaderMutation
from envoy_data_plane.google.protobuf import Any as AnyMessage

from xds.explain.decode import unpacked
from xds.explain.result import Policy
from xds.explain.step import Did
from xds.explain.stream import Stream


def header_mutation(_name: str, own: AnyMessage | None, route: AnyMessage | None, stream: Stream) -> Did:
    """What the filter does, as far as it only takes headers away."""
    config, request = unpacked(own, HeaderMutation), stream.request
    if config is None or config.mutations is None or request is None:
        return Did(stream)
    changes = config.mutations.request_mutations
    if route is not None or any(not change.remove for change in changes):
        return Did(stream, policies=(Policy("filter", "HeaderMutation writes headers, which are not told here"),))
    names = {(change.remove or "").lower() for change in changes}
    kept = tuple(item for item in request.headers if item[0] not in names)
    told = (Policy("filter", f"HeaderMutation takes away {', '.join(sorted(names))}"),) if names else ()
    return Did(replace(stream, request=replace(request, headers=kept)), policies=told)
