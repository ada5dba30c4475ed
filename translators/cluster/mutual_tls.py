"""Mutual TLS with other workloads of the mesh: where a DestinationRule asks for it, and by itself.

By itself (Istio: auto mTLS) each endpoint is spoken to as its own metadata says, so that a service may have endpoints
of both kinds.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from envoy_data_plane.envoy.config.cluster.v3 import Cluster, ClusterDiscoveryType, ClusterTransportSocketMatch
from envoy_data_plane.envoy.config.core.v3 import TransportSocket
from envoy_data_plane.envoy.extensions.transport_sockets.raw_buffer.v3 import RawBuffer
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import (
    CertificateValidationContext,
    CommonTlsContext,
    CommonTlsContextCombinedCertificateValidationContext,
    UpstreamTlsContext,
)
from envoy_data_plane.google.protobuf import Struct, Value

from translators.cluster.peers import Peers
from translators.cluster.proxy_protocol import announcing
from translators.cluster.target import Target
from translators.names import outbound_sni
from translators.tls import (
    MESH_AUTHORITY,
    OWN_CERTIFICATE,
    TLS_TRANSPORT_SOCKET,
    mesh_parameters,
    mesh_secret,
    of_trust_domains,
    subject_alt_name,
)
from xds.model.policy import ClientTLSSettings, ProxyProtocol, TLSMode
from xds.model.services import Location
from xds.model.settings import MeshSettings, MeshTls
from xds.wire.encode import encode, pack_any

_ALPN: Final = ("istio-peer-exchange", "istio")
"""Of connections; requests have their own, see `translators.filters.mesh_protocols`."""


@dataclass(frozen=True, slots=True)
class MutualTls:
    """server_name: which port and subset of which service is meant. names: of the other end's certificate, empty for
    anybody of the trust domain, which may have several names. tls: what the mesh demands. automatic: each endpoint says
    whether it takes it."""

    server_name: str
    names: tuple[str, ...]
    trust_domains: tuple[str, ...]
    tls: MeshTls
    automatic: bool
    proxy_protocol: ProxyProtocol | None = None


def mutual_tls(target: Target, settings: MeshSettings, peers: Peers | None) -> MutualTls | None:
    """None if there is none to be. peers: None if the client has no identity."""
    tls = target.policy.tls
    if peers is None or not (_is_automatic(target, settings, peers) if tls is None else _is_asked_for(tls)):
        return None
    subset = target.subset.name if target.subset is not None else ""
    server_name = outbound_sni(target.port.number, target.service.hostname, subset)
    names = tuple(dict.fromkeys((*target.service.subject_alt_names, *peers.identities)))
    return MutualTls(
        server_name=(tls.sni if tls is not None else "") or server_name,
        names=(tls.subject_alt_names if tls is not None else ()) or _under_all_names(names, settings),
        trust_domains=settings.trust_domains,
        tls=settings.mesh_mtls,
        automatic=tls is None and target.discovery is not ClusterDiscoveryType.ORIGINAL_DST,
        proxy_protocol=target.policy.proxy_protocol,
    )


def _under_all_names(names: tuple[str, ...], settings: MeshSettings) -> tuple[str, ...]:
    """As Istio: identities of the trust domain also as its aliases write them."""
    if not settings.trust_domain_aliases:
        return names
    own = f"spiffe://{settings.trust_domain}/"
    paths = [name.removeprefix(own) for name in names if name.startswith(own)]
    others = (f"spiffe://{alias}/{path}" for path in paths for alias in settings.trust_domain_aliases)
    return tuple(dict.fromkeys((*names, *others)))


def _is_asked_for(tls: ClientTLSSettings) -> bool:
    return tls.mode is TLSMode.ISTIO_MUTUAL


def _is_automatic(target: Target, settings: MeshSettings, peers: Peers) -> bool:
    """Where the client goes to the address that it was given, there is no endpoint to ask: all have to take it."""
    if not settings.auto_mtls or target.service.location is Location.MESH_EXTERNAL or target.discovery is None:
        return False
    return target.discovery is not ClusterDiscoveryType.ORIGINAL_DST or target.port.number in peers.encrypted


@lru_cache(maxsize=8192)
def mutual_tls_fields(mutual: MutualTls) -> bytes:
    """An encoded ``Cluster`` with its transport sockets and nothing else."""
    encrypted = announcing(_socket(mutual), mutual.proxy_protocol)
    if not mutual.automatic:
        return encode(Cluster(transport_socket=encrypted))
    plain = TransportSocket(name="envoy.transport_sockets.raw_buffer", typed_config=pack_any(RawBuffer()))
    labelled = Struct(fields={"tlsMode": Value(string_value="istio")})
    matches = [
        ClusterTransportSocketMatch(name="tlsMode-istio", match=labelled, transport_socket=encrypted),
        ClusterTransportSocketMatch(
            name="tlsMode-disabled", match=Struct(), transport_socket=announcing(plain, mutual.proxy_protocol)
        ),
    ]
    return encode(Cluster(transport_socket_matches=matches))


def _socket(mutual: MutualTls) -> TransportSocket:
    names = [subject_alt_name(name) for name in mutual.names] or of_trust_domains(mutual.trust_domains)
    common = CommonTlsContext(
        tls_params=mesh_parameters(mutual.tls),
        alpn_protocols=list(_ALPN),
        tls_certificate_sds_secret_configs=[mesh_secret(OWN_CERTIFICATE, mutual.tls)],
        combined_validation_context=CommonTlsContextCombinedCertificateValidationContext(
            default_validation_context=CertificateValidationContext(match_typed_subject_alt_names=names),
            validation_context_sds_secret_config=mesh_secret(MESH_AUTHORITY, mutual.tls),
        ),
    )
    context = UpstreamTlsContext(common_tls_context=common, sni=mutual.server_name)
    return TransportSocket(name=TLS_TRANSPORT_SOCKET, typed_config=pack_any(context))
