"""The PROXY protocol towards an upstream (Istio ``TrafficPolicy.ProxyProtocol``): who the client of a connection is."""

from __future__ import annotations

from envoy_data_plane.envoy.config.core.v3 import ProxyProtocolConfig, ProxyProtocolConfigVersion, TransportSocket
from envoy_data_plane.envoy.extensions.transport_sockets.proxy_protocol.v3 import ProxyProtocolUpstreamTransport
from envoy_data_plane.envoy.extensions.transport_sockets.raw_buffer.v3 import RawBuffer

from xds.model.policy import ProxyProtocol
from xds.wire.encode import pack_any

_VERSIONS = {
    ProxyProtocol.V1: ProxyProtocolConfigVersion.V1,
    ProxyProtocol.V2: ProxyProtocolConfigVersion.V2,
}


def announcing(socket: TransportSocket | None, version: ProxyProtocol | None) -> TransportSocket | None:
    """The same socket with a PROXY header before everything else. socket: None for plain text."""
    if version is None:
        return socket
    transport = ProxyProtocolUpstreamTransport(
        config=ProxyProtocolConfig(version=_VERSIONS[version]), transport_socket=socket or _plain_text()
    )
    return TransportSocket(name="envoy.transport_sockets.upstream_proxy_protocol", typed_config=pack_any(transport))


def _plain_text() -> TransportSocket:
    return TransportSocket(name="envoy.transport_sockets.raw_buffer", typed_config=pack_any(RawBuffer()))
