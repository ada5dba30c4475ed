"""Why a field is not honoured, by kind. A path stands for itself, and with ``.*`` for what is below.

What may still come says "not yet", which is also the reason for every field of the kinds in `NOT_YET` without another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LATER: Final = "not yet"
FOR_OTHERS: Final = "no: written for others than a proxy"

NOT_YET: Final = frozenset(
    {
        "AuthorizationPolicy",
        "DestinationRule",
        "EnvoyFilter",
        "Gateway",
        "MeshConfig",
        "PeerAuthentication",
        "ProxyConfig",
        "RequestAuthentication",
        "Sidecar",
        "Telemetry",
        "TrafficExtension",
        "WasmPlugin",
        "WorkloadGroup",
    }
)
"""Kinds of which more is to be honoured."""

REASONS: Final[Mapping[str, Mapping[str, str]]] = {
    "Service": {
        "spec.publishNotReadyAddresses": LATER,
    },
    "VirtualService": {
        "spec.http.fault.abort.http2Error": "no: Envoy's fault filter aborts with an HTTP or a gRPC status, not "
        "with a reset; Istio does not implement it either",
        "spec.http.fault.delay.exponentialDelay": "no: Envoy's fault filter has fixed delays only; Istio does not "
        "implement it either",
    },
}
