"""The xDS stream protocol without any I/O: what a stream says next, given what it heard.

Belongs here: reading requests and how much they may say, what a client subscribes to, which response is in flight, what
must wait for what, and how a response is put together from encoded resources; state of the world and delta, on
aggregated streams and on those of one type. Does not belong here: sockets, gRPC, tasks, clocks (``now`` is a
parameter), and what any resource means.

`Stream` is the machine; it takes the frozen requests and snapshots of `events` and gives back frozen effects. All
streams of a server are given one `Shared`, so that equal responses are put together once, and one `Doubts`.
"""

from xds.protocol.doubts import Doubts
from xds.protocol.errors import RemoteProtocolError
from xds.protocol.events import (
    Acked,
    Current,
    DeltaRequest,
    Effect,
    ErrorDetail,
    Nacked,
    Quarantined,
    Request,
    Send,
    Settled,
    SotwRequest,
    Subscribed,
)
from xds.protocol.framing import Batch, DeltaBatch, SotwBatch
from xds.protocol.limits import LimitExceededError
from xds.protocol.requests import DECODERS, Decode, Incoming
from xds.protocol.shared import Shared
from xds.protocol.stream import Stream, Variant

__all__ = [
    "DECODERS",
    "Acked",
    "Batch",
    "Current",
    "Decode",
    "DeltaBatch",
    "DeltaRequest",
    "Doubts",
    "Effect",
    "ErrorDetail",
    "Incoming",
    "LimitExceededError",
    "Nacked",
    "Quarantined",
    "RemoteProtocolError",
    "Request",
    "Send",
    "Settled",
    "Shared",
    "SotwBatch",
    "SotwRequest",
    "Stream",
    "Subscribed",
    "Variant",
]
