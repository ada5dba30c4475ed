"""The gRPC side: xDS over aggregated and per-type services, the status of every stream, and load reports. REST too.

Belongs here: listening, moving bytes between gRPC and `xds.protocol`, parsing the request envelope, limits to what a
client may do, and keeping what each proxy was sent and answered. Does not belong here: which resources a proxy gets (a
`SnapshotSource` is passed in), when something is sent (`xds.protocol`), and how status is shown. Does I/O.
"""

from xds.server.certificates import RefusedError, Sign
from xds.server.identity import Identify, IdentityError, Proof
from xds.server.loads import ClientLoad, ClusterLoad, LoadBoard, LocalityLoad
from xds.server.secure import Security
from xds.server.server import ListenError, XdsServer
from xds.server.source import BroadcastSource, SnapshotSource, Subscription
from xds.server.status import Nack, StatusBoard, StatusListener, StreamStatus, SyncState, TypeStatus
from xds.server.workload_identity import Bundles, SignedToken, SignToken

__all__ = [
    "BroadcastSource",
    "Bundles",
    "ClientLoad",
    "ClusterLoad",
    "Identify",
    "IdentityError",
    "ListenError",
    "LoadBoard",
    "LocalityLoad",
    "Nack",
    "Proof",
    "RefusedError",
    "Security",
    "Sign",
    "SignToken",
    "SignedToken",
    "SnapshotSource",
    "StatusBoard",
    "StatusListener",
    "StreamStatus",
    "Subscription",
    "SyncState",
    "TypeStatus",
    "XdsServer",
]
