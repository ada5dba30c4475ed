"""Istio ``ConnectionPoolSettings``. As in Istio, a limit of 0 means that there is none."""

from __future__ import annotations

from typing import Final

from xds.config.kinds.durations import parse_non_negative_duration, parse_positive_duration
from xds.config.reader import Reader
from xds.model.policy import (
    ConnectionPoolSettings,
    H2UpgradePolicy,
    Http2KeepAlive,
    HTTPSettings,
    RetryBudget,
    TcpKeepalive,
    TCPSettings,
)

HONOURED_POOL: Final = (
    "tcp.maxConnections tcp.connectTimeout tcp.maxConnectionDuration tcp.idleTimeout"
    " tcp.tcpKeepalive.probes tcp.tcpKeepalive.time tcp.tcpKeepalive.interval"
    " http.http1MaxPendingRequests http.http2MaxRequests http.maxRequestsPerConnection http.maxRetries"
    " http.idleTimeout http.h2UpgradePolicy http.useClientProtocol http.maxConcurrentStreams"
    " http.http2KeepAlive.interval http.http2KeepAlive.timeout"
)
"""The honoured fields of a connection pool, for a kind's list."""

HONOURED_RETRY_BUDGET: Final = "percent minRetryConcurrency budgetInterval"
"""The honoured fields of a retry budget, for a kind's list."""


def parse_connection_pool(policy: Reader, name: str = "connectionPool") -> ConnectionPoolSettings | None:
    """The settings that something has under ``name``; None if absent."""
    pool = policy.child(name)
    return None if pool is None else ConnectionPoolSettings(tcp=_tcp(pool), http=_http(pool))


def _tcp(pool: Reader) -> TCPSettings | None:
    tcp = pool.child("tcp")
    if tcp is None:
        return None
    return TCPSettings(
        max_connections=_limit(tcp, "maxConnections"),
        connect_timeout=tcp.duration("connectTimeout"),
        tcp_keepalive=_keepalive(tcp),
        max_connection_duration=tcp.duration("maxConnectionDuration"),
        idle_timeout=tcp.parsed("idleTimeout", parse_non_negative_duration, None),
    )


def _keepalive(tcp: Reader) -> TcpKeepalive | None:
    keepalive = tcp.child("tcpKeepalive")
    if keepalive is None:
        return None
    return TcpKeepalive(
        probes=keepalive.integer("probes", None),
        time=keepalive.duration("time"),
        interval=keepalive.duration("interval"),
    )


def _http(pool: Reader) -> HTTPSettings | None:
    http = pool.child("http")
    if http is None:
        return None
    upgrade = H2UpgradePolicy(http.text("h2UpgradePolicy", "DEFAULT"))
    use_client_protocol = http.flag("useClientProtocol")
    if use_client_protocol and upgrade is H2UpgradePolicy.UPGRADE:
        http.error("useClientProtocol", "cannot be given together with h2UpgradePolicy UPGRADE", "conflicting-fields")
    return HTTPSettings(
        http1_max_pending_requests=_limit(http, "http1MaxPendingRequests"),
        http2_max_requests=_limit(http, "http2MaxRequests"),
        max_requests_per_connection=_limit(http, "maxRequestsPerConnection"),
        max_retries=_limit(http, "maxRetries"),
        idle_timeout=http.duration("idleTimeout"),
        h2_upgrade_policy=upgrade,
        use_client_protocol=use_client_protocol,
        max_concurrent_streams=_limit(http, "maxConcurrentStreams"),
        http2_keep_alive=_http2_keep_alive(http),
    )


def _http2_keep_alive(http: Reader) -> Http2KeepAlive | None:
    pings = http.child("http2KeepAlive")
    if pings is None:
        return None
    return Http2KeepAlive(interval=pings.duration("interval"), timeout=pings.duration("timeout"))


def parse_retry_budget(policy: Reader) -> RetryBudget | None:
    """``retryBudget`` of a traffic policy; None if absent. Envoy takes an interval of at least a millisecond."""
    budget = policy.child("retryBudget")
    if budget is None:
        return None
    return RetryBudget(
        percent=budget.number("percent", None),
        min_concurrency=budget.integer("minRetryConcurrency") or None,
        interval=budget.parsed("budgetInterval", parse_positive_duration, None),
    )


def _limit(reader: Reader, name: str) -> int | None:
    value = reader.integer(name)
    if value < 0:
        reader.error(name, "must not be negative", "out-of-range")
    return value or None
