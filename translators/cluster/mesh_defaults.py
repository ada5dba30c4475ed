"""What the mesh's settings say of connections where no DestinationRule does (Istio ``MeshConfig``)."""

from __future__ import annotations

from dataclasses import replace

from translators.cluster.policy import PortPolicy
from xds.model.policy import ConnectionPoolSettings, H2UpgradePolicy, HTTPSettings, TCPSettings
from xds.model.services import Protocol
from xds.model.settings import MeshSettings


def mesh_pool(settings: MeshSettings) -> ConnectionPoolSettings | None:
    """The connection pool of clusters that no DestinationRule is for (MeshConfig ``defaultTrafficPolicy``)."""
    return settings.traffic_policy.connection_pool if settings.traffic_policy is not None else None


def buffer_limit(settings: MeshSettings, *, gateway: bool = False) -> int | None:
    """How much a proxy holds for a connection to an upstream, in bytes; None for Envoy's limit."""
    connections = settings.proxy.connections
    return (connections.of_gateway if gateway else connections).cluster_buffer


def with_mesh_defaults(policy: PortPolicy, settings: MeshSettings, protocol: Protocol) -> PortPolicy:
    """``policy`` with TCP keepalive and the upgrade of HTTP/1.1 to HTTP/2; the same one if there is nothing to add."""
    upgrades = settings.h2_upgrade and protocol is Protocol.HTTP
    if settings.tcp_keepalive is None and not upgrades:
        return policy
    pool = policy.connection_pool or ConnectionPoolSettings()
    return replace(
        policy,
        connection_pool=replace(
            pool, tcp=_kept_alive(pool.tcp, settings), http=_upgraded(pool.http) if upgrades else pool.http
        ),
    )


def _kept_alive(tcp: TCPSettings | None, settings: MeshSettings) -> TCPSettings:
    tcp = tcp or TCPSettings()
    return tcp if tcp.tcp_keepalive is not None else replace(tcp, tcp_keepalive=settings.tcp_keepalive)


def _upgraded(http: HTTPSettings | None) -> HTTPSettings:
    http = http or HTTPSettings()
    if http.h2_upgrade_policy is not H2UpgradePolicy.DEFAULT:
        return http
    return replace(http, h2_upgrade_policy=H2UpgradePolicy.UPGRADE)
