"""Connection pools (Istio ``ConnectionPoolSettings``): circuit breakers, connect timeout, TCP keepalive.

The HTTP side of a pool is in `translators.cluster.http`. ``TCPSettings.idle_timeout`` belongs to the TCP proxy filter.
"""

from __future__ import annotations

from datetime import timedelta

from envoy_data_plane.envoy.config.cluster.v3 import (
    CircuitBreakers,
    CircuitBreakersThresholds,
    CircuitBreakersThresholdsRetryBudget,
    UpstreamConnectionOptions,
)
from envoy_data_plane.envoy.config.core.v3 import TcpKeepalive as EnvoyTcpKeepalive
from envoy_data_plane.envoy.type.v3 import Percent

from xds.model.policy import ConnectionPoolSettings, HTTPSettings, RetryBudget, TCPSettings

_UNLIMITED = 2**32 - 1


def circuit_breakers(pool: ConnectionPoolSettings | None, budget: RetryBudget | None = None) -> CircuitBreakers:
    """Envoy's own limits (1024 connections, 3 retries) would surprise; Istio's default is none at all.

    Where there is a budget for retries, Envoy does not look at their maximum.
    """
    tcp = (pool.tcp if pool is not None else None) or TCPSettings()
    http = (pool.http if pool is not None else None) or HTTPSettings()
    thresholds = CircuitBreakersThresholds(
        max_connections=tcp.max_connections or _UNLIMITED,
        max_pending_requests=http.http1_max_pending_requests or _UNLIMITED,
        max_requests=http.http2_max_requests or _UNLIMITED,
        max_retries=http.max_retries or _UNLIMITED,
        track_remaining=True,
        retry_budget=_retry_budget(budget) if budget is not None else None,
    )
    return CircuitBreakers(thresholds=[thresholds])


def _retry_budget(budget: RetryBudget) -> CircuitBreakersThresholdsRetryBudget:
    return CircuitBreakersThresholdsRetryBudget(
        budget_percent=Percent(value=budget.percent) if budget.percent is not None else None,
        budget_interval=budget.interval,
        min_retry_concurrency=budget.min_concurrency,
    )


def connect_timeout(pool: ConnectionPoolSettings | None, default: timedelta) -> timedelta:
    """The DestinationRule's, or else the mesh's."""
    if pool is None or pool.tcp is None or pool.tcp.connect_timeout is None:
        return default
    return pool.tcp.connect_timeout


def connection_options(pool: ConnectionPoolSettings | None) -> UpstreamConnectionOptions | None:
    """TCP keepalive, in whole seconds; what is not set keeps the operating system's default."""
    if pool is None or pool.tcp is None or pool.tcp.tcp_keepalive is None:
        return None
    keepalive = pool.tcp.tcp_keepalive
    return UpstreamConnectionOptions(
        tcp_keepalive=EnvoyTcpKeepalive(
            keepalive_probes=keepalive.probes,
            keepalive_time=_seconds(keepalive.time),
            keepalive_interval=_seconds(keepalive.interval),
        )
    )


def _seconds(duration: timedelta | None) -> int | None:
    return int(duration.total_seconds()) if duration is not None else None
