"""HDS is not served: a client that asks for it is told so, and what to do instead.

Source: ``envoy.service.health.v3.HealthDiscoveryService``.
"""

from __future__ import annotations

import grpc  # type: ignore[import-untyped]  # grpcio ships no types

from xds.server.guard import Call

SERVICE = "envoy.service.health.v3.HealthDiscoveryService"

_REASON = (
    "health discovery (HDS) is not served; endpoints are healthy as the configuration says, "
    "and outlierDetection of a DestinationRule takes out those that fail"
)


async def refuse(_: object, call: Call) -> None:
    """``StreamHealthCheck`` and ``FetchHealthCheck``."""
    await call.abort(grpc.StatusCode.UNIMPLEMENTED, _REASON)
