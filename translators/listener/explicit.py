"""The explicit HTTP proxy of a sidecar (MeshConfig ``proxyHttpPort``): applications address it, nothing is captured."""

from __future__ import annotations

from collections.abc import Iterator

from envoy_data_plane.envoy.config.core.v3 import TrafficDirection
from envoy_data_plane.envoy.config.listener.v3 import FilterChain, Listener

from translators.listener.address import LOOPBACK, socket_address
from translators.listener.connection_manager import outbound_http
from translators.names import HTTP_PROXY, outbound_listener
from translators.route.sidecar import uses_http_proxy
from xds.model.settings import MeshSettings
from xds.model.view import ProxyView
from xds.pipeline.contribution import FilterChainPart, ListenerPart
from xds.pipeline.memo import Memo
from xds.wire.encode import encode

DEFAULT_PORT = 15080
"""Where the proxy of an uncaptured sidecar listens if the mesh does not say."""


def proxy_listener(view: ProxyView, memo: Memo) -> Iterator[ListenerPart]:
    """The HTTP proxy, if the sidecar has one and a Sidecar leaves it services to proxy for."""
    if uses_http_proxy(view) and any(listener.port is None for listener in view.egress):
        address = view.key.bind_ip or LOOPBACK
        port = view.settings.proxy_http_port or DEFAULT_PORT
        yield memo(http_proxy, address, port, view.settings)


def http_proxy(address: str, port: int, settings: MeshSettings) -> ListenerPart:
    """Takes requests with an absolute URL, or any that name their host and port."""
    name = outbound_listener(port, address)
    body = Listener(name=name, address=socket_address(address, port), traffic_direction=TrafficDirection.OUTBOUND)
    chain = FilterChainPart(encode(FilterChain()), outbound_http(address, port, HTTP_PROXY, settings))
    return ListenerPart(name, encode(body), (chain,), routes=(HTTP_PROXY,))
