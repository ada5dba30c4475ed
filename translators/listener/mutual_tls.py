"""Mutual TLS that a workload's proxy accepts: the ways in that a PeerAuthentication leaves open, and the handshake.

A connection is told by what its inspectors see: that it is TLS, and what the client says that it speaks (ALPN), by
which proxies of the mesh know one another. Envoy does not go back from a chain that names a property of the connection
to one that leaves it open, so what is to pass is named whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from envoy_data_plane.envoy.config.core.v3 import TransportSocket
from envoy_data_plane.envoy.config.listener.v3 import FilterChainMatch
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import (
    CertificateValidationContext,
    CommonTlsContext,
    CommonTlsContextCombinedCertificateValidationContext,
    DownstreamTlsContext,
)

from translators.listener.server_tls import HTTP_ALPN, server_socket
from translators.listener.sniffing import plain_http
from translators.tls import (
    IN_MESH,
    IN_MESH_HTTP,
    MESH_AUTHORITY,
    OWN_CERTIFICATE,
    mesh_parameters,
    mesh_secret,
    of_trust_domains,
)
from xds.model.peer_authentication import MutualTLSMode
from xds.model.services import Protocol
from xds.model.settings import MeshSettings, MeshTls

_TLS, _PLAIN = "tls", "raw_buffer"


@dataclass(frozen=True, slots=True)
class Way:
    """A way in. match: the connections that take it, None for all. encrypted: whether the proxy ends TLS on it; http:
    whether requests are routed, or the connection is."""

    match: FilterChainMatch | None
    http: bool
    encrypted: bool = False


def ways_in(mode: MutualTLSMode, protocol: Protocol, port: int | None) -> Iterator[Way]:
    """The ways to one port, as Istio has them. port: what to match, None if that is settled."""
    sniffed = protocol is Protocol.UNSUPPORTED
    if mode is MutualTLSMode.STRICT:
        if sniffed:
            yield Way(_match(port, _TLS, *IN_MESH_HTTP), http=True, encrypted=True)
        yield Way(_match(port, _TLS), http=protocol.is_http, encrypted=True)
    elif mode is MutualTLSMode.DISABLE:
        if sniffed:
            yield Way(plain_http(port), http=True)
            yield Way(_match(port, _PLAIN), http=False)
        else:
            yield Way(_match(port) if port is not None else None, http=protocol.is_http)
    elif sniffed:
        yield Way(_match(port, _TLS, *IN_MESH_HTTP), http=True, encrypted=True)
        yield Way(plain_http(port), http=True)
        yield Way(_match(port, _TLS, *_OF_TCP), http=False, encrypted=True)
        yield Way(_match(port, _PLAIN), http=False)
        yield Way(_match(port, _TLS), http=False)
    else:
        yield Way(_match(port, _TLS, *IN_MESH), http=protocol.is_http, encrypted=True)
        yield Way(_match(port, _PLAIN), http=protocol.is_http)
        if not protocol.is_http:
            yield Way(_match(port, _TLS), http=False)


_OF_TCP: Final = tuple(name for name in IN_MESH if name not in IN_MESH_HTTP)


def _match(port: int | None, transport: str = "", *protocols: str) -> FilterChainMatch:
    return FilterChainMatch(destination_port=port, transport_protocol=transport, application_protocols=list(protocols))


def workload_socket(settings: MeshSettings) -> TransportSocket:
    """The proxy's end of mutual TLS with others of the trust domain, under all of its names, and of those that are
    federated."""
    return _socket((*settings.trust_domains, *settings.federated_trust_domains), settings.mesh_mtls)


@lru_cache(maxsize=64)
def _socket(trust_domains: tuple[str, ...], tls: MeshTls) -> TransportSocket:
    common = CommonTlsContext(
        tls_params=mesh_parameters(tls),
        alpn_protocols=list(HTTP_ALPN),
        tls_certificate_sds_secret_configs=[mesh_secret(OWN_CERTIFICATE, tls)],
        combined_validation_context=CommonTlsContextCombinedCertificateValidationContext(
            default_validation_context=CertificateValidationContext(
                match_typed_subject_alt_names=of_trust_domains(trust_domains)
            ),
            validation_context_sds_secret_config=mesh_secret(MESH_AUTHORITY, tls),
        ),
    )
    return server_socket(DownstreamTlsContext(common_tls_context=common, require_client_certificate=True))
