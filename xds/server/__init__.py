"""The gRPC side: xDS over aggregated and per-type services, and the status of every stream.

Belongs here: listening, moving bytes between gRPC and `xds.protocol`, parsing the request envelope, and keeping what
each proxy was sent and answered. Does not belong here: which resources a proxy gets (a `SnapshotSource` is passed in),
when something is sent (`xds.protocol`), and how status is shown. Does I/O.
"""

from xds.server.server import ListenError, XdsServer
from xds.server.source import BroadcastSource, SnapshotSource, Subscription
from xds.server.status import Nack, StatusBoard, StatusListener, StreamStatus, SyncState, TypeStatus

__all__ = [
    "BroadcastSource",
    "ListenError",
    "Nack",
    "SnapshotSource",
    "StatusBoard",
    "StatusListener",
    "StreamStatus",
    "Subscription",
    "SyncState",
    "TypeStatus",
    "XdsServer",
]
