"""Who opened a stream, as its node says."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from google.protobuf.json_format import Error as JsonError
from google.protobuf.json_format import MessageToDict

from xds.model.proxy import Proxy
from xds.model.services import Locality
from xds.protocol import LimitExceededError, RemoteProtocolError
from xds.protocol.limits import MAX_NODE_ID_CHARACTERS
from xds.wire.core_pb2 import Node

ParseNode = Callable[[str, Mapping[str, object], Locality], Proxy]
"""A node id, its metadata and its locality to a proxy; raises ValueError with a text for the operator."""


def proxy_of(node: Node | None, parse_node: ParseNode) -> Proxy:
    """Who opened the stream. Raises RemoteProtocolError if that cannot be told."""
    if node is None:
        raise RemoteProtocolError("the first request of a stream must have a node")
    if len(node.id) > MAX_NODE_ID_CHARACTERS:
        raise LimitExceededError(f"the node id has {len(node.id)} characters; {MAX_NODE_ID_CHARACTERS} are allowed")
    locality = Locality(node.locality.region, node.locality.zone, node.locality.sub_zone)
    try:
        metadata = MessageToDict(node.metadata) if node.HasField("metadata") else {}
        return parse_node(node.id, metadata, locality)
    except (ValueError, JsonError) as error:
        raise RemoteProtocolError(str(error)) from error
