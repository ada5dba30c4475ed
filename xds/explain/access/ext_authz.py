"""Envoy's external authorization: whether a service is asked about a request or a connection, and what its answers do.

What it answers is not known here, so that both are told.
"""

from __future__ import annotations

from typing import Final

from envoy_data_plane.envoy.config.core.v3 import GrpcService
from envoy_data_plane.envoy.extensions.filters.http.ext_authz.v3 import ExtAuthz, ExtAuthzPerRoute
from envoy_data_plane.envoy.extensions.filters.network.ext_authz.v3 import ExtAuthz as NetworkExtAuthz
from envoy_data_plane.envoy.type.matcher.v3 import MetadataMatcher
from envoy_data_plane.google.protobuf import Any as AnyMessage

from xds.explain.decode import unpacked
from xds.explain.errors import UnsupportedError
from xds.explain.metadata import noted
from xds.explain.result import Answered, Check, Ended
from xds.explain.step import Did
from xds.explain.stream import Stream

_FORBIDDEN: Final = 403


def http_ext_authz(name: str, own: AnyMessage | None, route: AnyMessage | None, stream: Stream) -> Did:
    """What the filter of requests does. route: what the route has for it. Raises UnsupportedError."""
    config, per_route = unpacked(own, ExtAuthz), unpacked(route, ExtAuthzPerRoute)
    if config is None or (per_route is not None and per_route.disabled):
        return Did(stream)
    if config.filter_enabled is not None or config.deny_at_disable is not None:
        raise UnsupportedError("external authorization of a part of all requests")
    if reason := _not_asked(config.filter_enabled_metadata, stream):
        return Did(stream, checks=(Check(name, reason),))
    http = config.http_service.server_uri if config.http_service is not None else None
    service = (http.cluster if http is not None else None) or _service(config.grpc_service)
    status = config.status_on_error.code if config.status_on_error is not None else _FORBIDDEN
    refused = Answered(1.0, _FORBIDDEN, f"refused by {service}", condition=f"{service} refuses")
    failed = Answered(1.0, int(status), f"{service} cannot be asked", condition=f"{service} cannot be asked")
    ends = (refused,) if config.failure_mode_allow or config.shadow_mode else (refused, failed)
    return Did(stream, () if config.shadow_mode else ends, checks=(Check(name, _asks(service)),))


def network_ext_authz(name: str, config: NetworkExtAuthz, stream: Stream) -> Did:
    """What the filter of connections does. Raises UnsupportedError."""
    if reason := _not_asked(config.filter_enabled_metadata, stream):
        return Did(stream, checks=(Check(name, reason),))
    service = _service(config.grpc_service)
    refused = Ended(1.0, f"refused by {service}", condition=f"{service} refuses")
    failed = Ended(1.0, f"{service} cannot be asked", condition=f"{service} cannot be asked")
    ends = (refused,) if config.failure_mode_allow else (refused, failed)
    return Did(stream, ends, checks=(Check(name, _asks(service)),))


def _asks(service: str) -> str:
    return f"asks {service}, whose answer decides"


def _not_asked(matcher: MetadataMatcher | None, stream: Stream) -> str:
    """Why nobody is asked; empty if somebody is."""
    if matcher is None:
        return ""
    found = noted(matcher, stream.noted)
    return "" if found.holds else f"asks nobody, as no policy of it applies: {found.mismatch}"


def _service(grpc: GrpcService | None) -> str:
    """Raises UnsupportedError."""
    if grpc is None or grpc.envoy_grpc is None:
        raise UnsupportedError("external authorization by a service that is no cluster")
    return grpc.envoy_grpc.cluster_name
