"""Request messages, from bytes to the frozen requests of the machine, and the node that sent them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from xds.protocol.errors import RemoteProtocolError
from xds.protocol.events import DeltaRequest, ErrorDetail, Request, SotwRequest
from xds.protocol.limits import MAX_TYPE_URL_CHARACTERS, LimitExceededError, check_request
from xds.protocol.stream import Variant
from xds.resources import TypeUrl
from xds.wire.core_pb2 import Node
from xds.wire.discovery_pb2 import DeltaDiscoveryRequest, DiscoveryRequest, Status

_MAX_ERROR_CHARACTERS = 4096


@dataclass(frozen=True, slots=True)
class Incoming:
    """A parsed request. node: None if the client did not say who it is."""

    request: Request
    node: Node | None


Decode = Callable[[bytes], Incoming]


def decode_sotw(data: bytes) -> Incoming:
    """Parse a ``DiscoveryRequest``. Raises RemoteProtocolError if it is none, LimitExceededError if it is too much."""
    check_request(data, DiscoveryRequest.NODE_FIELD_NUMBER)
    try:
        message = DiscoveryRequest.FromString(data)
    except DecodeError:
        raise RemoteProtocolError("this is not a DiscoveryRequest") from None
    request = SotwRequest(
        type_url=_type_url(message.type_url),
        names=tuple(message.resource_names),
        version=message.version_info,
        nonce=message.response_nonce,
        error=_error(message.error_detail) if message.HasField("error_detail") else None,
    )
    return Incoming(request, message.node if message.HasField("node") else None)


def decode_delta(data: bytes) -> Incoming:
    """Parse a ``DeltaDiscoveryRequest``. Raises RemoteProtocolError if it is none, LimitExceededError if too much."""
    check_request(data, DeltaDiscoveryRequest.NODE_FIELD_NUMBER)
    try:
        message = DeltaDiscoveryRequest.FromString(data)
    except DecodeError:
        raise RemoteProtocolError("this is not a DeltaDiscoveryRequest") from None
    request = DeltaRequest(
        type_url=_type_url(message.type_url),
        subscribe=tuple(message.resource_names_subscribe),
        unsubscribe=tuple(message.resource_names_unsubscribe),
        initial_versions=dict(message.initial_resource_versions),
        nonce=message.response_nonce,
        error=_error(message.error_detail) if message.HasField("error_detail") else None,
    )
    return Incoming(request, message.node if message.HasField("node") else None)


DECODERS: Mapping[Variant, Decode] = {Variant.SOTW: decode_sotw, Variant.DELTA: decode_delta}


def _type_url(text: str) -> TypeUrl:
    if len(text) > MAX_TYPE_URL_CHARACTERS:
        raise LimitExceededError(f"a type_url has {len(text)} characters; {MAX_TYPE_URL_CHARACTERS} are allowed")
    return TypeUrl(text)


def _error(status: Status) -> ErrorDetail:
    return ErrorDetail(status.code, status.message[:_MAX_ERROR_CHARACTERS])
