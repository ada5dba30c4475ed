"""Clusters.

Field numbers are Envoy's: Cluster.name 1, type 2, eds_cluster_config 3, transport_socket 24, cluster_type 38,
transport_socket_matches 43; TransportSocketMatch.transport_socket 3; TransportSocket.name 1.
"""

from __future__ import annotations

from envoy_data_plane.envoy.config.cluster.v3 import Cluster
from envoy_data_plane.envoy.config.core.v3 import TransportSocket

from xds.model.envoy_filters import ApplyTo, ConfigPatch, PatchOperation
from xds.pipeline.envoyfilter.encoded import items, message, replaced, text, without
from xds.pipeline.envoyfilter.match import cluster_matches
from xds.pipeline.envoyfilter.outcome import Trail
from xds.pipeline.envoyfilter.plan import Plan
from xds.wire.merge import merged
from xds.wire.scan import spans

_SOCKET, _MATCHES, _SOCKET_OF_MATCH = 24, 43, 3
_REFERRING = (2, 3, 38, _SOCKET, _MATCHES)


def patched_cluster(body: bytes, plan: Plan, trail: Trail) -> bytes | None:
    """A cluster; None if it is removed."""
    name = text(body, 1)
    inbound = name.startswith("inbound|") or name == "InboundPassthroughCluster"
    for patch in plan.of(ApplyTo.CLUSTER, plan.context(inbound=inbound)):
        if patch.operation is PatchOperation.ADD or not cluster_matches(patch, body):
            continue
        trail.note(patch, name)
        if patch.operation is PatchOperation.REMOVE:
            return None
        body = _merged(body, patch)
    return body


def concerns_references(patch: ConfigPatch) -> bool:
    """Whether a cluster may refer to other endpoints and secrets after a patch."""
    return any(span.number in _REFERRING for span in spans(patch.value))


def _merged(body: bytes, patch: ConfigPatch) -> bytes:
    """A transport socket merges with the one of its name. Istio: where a cluster chooses among several, it merges with
    the first of that name, and there is no place for another."""
    change, lists = patch.value, patch.operation is PatchOperation.MERGE_AND_REPLACE_LIST
    socket, choices = message(change, _SOCKET), items(body, _MATCHES)
    if socket and choices:
        body = replaced(body, _MATCHES, _in_choices(choices, socket, replace_lists=lists))
        change = without(change, _SOCKET)
    elif socket and text(message(body, _SOCKET), 1) != text(socket, 1):
        body = without(body, _SOCKET)
    return merged(Cluster, body, change, replace_lists=lists)


def _in_choices(choices: list[bytes], socket: bytes, *, replace_lists: bool) -> list[bytes]:
    names = [text(message(choice, _SOCKET_OF_MATCH), 1) for choice in choices]
    if text(socket, 1) not in names:
        return choices
    place = names.index(text(socket, 1))
    after = merged(TransportSocket, message(choices[place], _SOCKET_OF_MATCH), socket, replace_lists=replace_lists)
    return [*choices[:place], replaced(choices[place], _SOCKET_OF_MATCH, [after]), *choices[place + 1 :]]
