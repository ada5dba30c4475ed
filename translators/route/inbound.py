"""The inline RouteConfiguration of a sidecar's inbound listeners: everything goes to the workload."""

from __future__ import annotations

from envoy_data_plane.envoy.config.route.v3 import (
    Decorator,
    RetryPolicy,
    RetryPolicyRetryBackOff,
    Route,
    RouteAction,
    RouteActionMaxStreamDuration,
    RouteConfiguration,
    RouteMatch,
    VirtualHost,
)

from translators.names import INBOUND_PASSTHROUGH_CLUSTER, inbound_cluster, inbound_virtual_host
from translators.route.action import NO_TIMEOUT
from translators.route.retry import retry_conditions
from xds.model.routing import HTTPRetry
from xds.model.services import Protocol
from xds.model.view import InboundListener

_RETRIES = 2
_RETRY_ON = "reset-before-request"


def inbound_route(listener: InboundListener, retries: HTTPRetry | None = None) -> RouteConfiguration:
    """The route of one port of the workload. retries: the mesh's for requests to workloads, None for Istio's."""
    number = listener.service_port.number
    hostname = listener.service.hostname if listener.service else ""
    route = Route(
        name="default",
        match=RouteMatch(prefix="/"),
        decorator=Decorator(operation=f"{hostname}:{number}/*"),
        route=_action(inbound_cluster(listener.target_port), listener.service_port.protocol, retries),
    )
    host = VirtualHost(name=inbound_virtual_host(number), domains=["*"], routes=[route])
    return RouteConfiguration(name=inbound_cluster(listener.target_port), virtual_hosts=[host], validate_clusters=False)


def passthrough_route(retries: HTTPRetry | None = None) -> RouteConfiguration:
    """The route of ports that no service declares."""
    action = _action(INBOUND_PASSTHROUGH_CLUSTER, Protocol.HTTP, retries)
    route = Route(name="default", match=RouteMatch(prefix="/"), decorator=Decorator(operation=":0/*"), route=action)
    host = VirtualHost(name=inbound_virtual_host(0), domains=["*"], routes=[route])
    return RouteConfiguration(name=INBOUND_PASSTHROUGH_CLUSTER, virtual_hosts=[host], validate_clusters=False)


def _action(cluster: str, protocol: Protocol, retries: HTTPRetry | None) -> RouteAction:
    return RouteAction(
        cluster=cluster,
        timeout=NO_TIMEOUT,
        max_stream_duration=RouteActionMaxStreamDuration(
            max_stream_duration=NO_TIMEOUT, grpc_timeout_header_max=NO_TIMEOUT
        ),
        retry_policy=_retries(protocol, retries),
    )


def _retries(protocol: Protocol, retries: HTTPRetry | None) -> RetryPolicy | None:
    """A workload may close an idle connection just as a request is sent. gRPC clients retry that themselves."""
    if protocol in (Protocol.GRPC, Protocol.GRPC_WEB):
        return None
    if retries is None:
        return RetryPolicy(retry_on=_RETRY_ON, num_retries=_RETRIES)
    if retries.attempts <= 0:
        return None
    conditions, codes = retry_conditions(retries.retry_on or _RETRY_ON)
    return RetryPolicy(
        retry_on=conditions,
        retriable_status_codes=codes,
        num_retries=retries.attempts,
        retry_back_off=RetryPolicyRetryBackOff(base_interval=retries.backoff) if retries.backoff else None,
    )
