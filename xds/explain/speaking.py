"""How a proxy speaks to an endpoint: in plain text, or by TLS, and what it says of itself and of the traffic in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from envoy_data_plane.envoy.config.cluster.v3 import Cluster
from envoy_data_plane.envoy.config.core.v3 import Metadata, TransportSocket
from envoy_data_plane.envoy.config.endpoint.v3 import LbEndpoint
from envoy_data_plane.envoy.extensions.transport_sockets.proxy_protocol.v3 import ProxyProtocolUpstreamTransport
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import UpstreamTlsContext
from envoy_data_plane.envoy.extensions.upstreams.http.v3 import HttpProtocolOptions

from xds.explain.decode import as_json, unpacked
from xds.explain.domains import without_port
from xds.explain.result import PLAIN_TEXT, Spoken

_MATCH: Final = "envoy.transport_socket_match"
_OF_CLUSTER: Final = re.compile(r"%METADATA\(CLUSTER:([^:)]*):([^:)]*)\)%")


def spoken_to(cluster: Cluster, host: str, protocols: str = "") -> Callable[[LbEndpoint], Spoken]:
    """How the endpoints of a cluster are spoken to.

    host: whom the client names; empty if nobody. protocols: what filters have said that requests speak (Envoy's filter
    state ``envoy.network.application_protocols``), with commas between, and with references to the cluster's metadata.
    """
    said = _OF_CLUSTER.sub(lambda found: _text(_noted(cluster.metadata, found[1]).get(found[2])), protocols)
    names = tuple(filter(None, said.split(",")))

    def spoken(endpoint: LbEndpoint) -> Spoken:
        return _spoken(_socket(cluster, endpoint), _name(cluster, host), names)

    return spoken


def _socket(cluster: Cluster, endpoint: LbEndpoint) -> TransportSocket | None:
    """That of the first match that the endpoint's own metadata meets; that of all if there is none."""
    own = _noted(endpoint.metadata, _MATCH)
    for each in cluster.transport_socket_matches:
        wanted = as_json(each.match) if each.match is not None else {}
        if all(own.get(key) == value for key, value in wanted.items()):
            return each.transport_socket
    return cluster.transport_socket


def _spoken(socket: TransportSocket | None, name: str, protocols: tuple[str, ...]) -> Spoken:
    config = socket.typed_config if socket is not None else None
    inner = unpacked(config, ProxyProtocolUpstreamTransport)
    if inner is not None:
        return _spoken(inner.transport_socket, name, protocols)
    context = unpacked(config, UpstreamTlsContext)
    if context is None:
        return PLAIN_TEXT
    common = context.common_tls_context
    if common is None:
        return Spoken(True, context.sni or name, protocols)
    shows = bool(common.tls_certificates or common.tls_certificate_sds_secret_configs)
    return Spoken(True, context.sni or name, protocols or tuple(common.alpn_protocols), shows)


def _name(cluster: Cluster, host: str) -> str:
    """What takes the place of a server name where the cluster has none."""
    options = (unpacked(each, HttpProtocolOptions) for each in cluster.typed_extension_protocol_options.values())
    upstream = (each.upstream_http_protocol_options for each in options if each is not None)
    return without_port(host) if any(each is not None and each.auto_sni for each in upstream) else ""


def _noted(metadata: Metadata | None, name: str) -> Mapping[str, object]:
    found = metadata.filter_metadata.get(name) if metadata is not None else None
    return as_json(found) if found is not None else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
