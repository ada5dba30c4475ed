"""What TLS in either direction is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from ipaddress import ip_address
from typing import Final

from envoy_data_plane.envoy.config.core.v3 import (
    AggregatedConfigSource,
    ApiConfigSource,
    ApiConfigSourceApiType,
    ApiVersion,
    ConfigSource,
    GrpcService,
    GrpcServiceEnvoyGrpc,
)
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import (
    SdsSecretConfig,
    SubjectAltNameMatcher,
    SubjectAltNameMatcherSanType,
    TlsParameters,
    TlsParametersTlsProtocol,
)
from envoy_data_plane.envoy.type.matcher.v3 import StringMatcher

from xds.model.proxy import SDS_CLUSTER
from xds.model.server_tls import TLSVersion
from xds.model.settings import MeshTls

TLS_TRANSPORT_SOCKET: Final = "envoy.transport_sockets.tls"
_SOON = timedelta(seconds=1)

OWN_CERTIFICATE: Final = "default"
MESH_AUTHORITY: Final = "ROOTCA"
"""Istio's names of a workload's own certificate, and of what it checks those of others against."""

IN_MESH_HTTP: Final = ("istio-http/1.0", "istio-http/1.1", "istio-h2")
IN_MESH: Final = ("istio", "istio-peer-exchange", *IN_MESH_HTTP)
"""What proxies say in the handshake with one another (ALPN): of requests, and of all connections."""

TLS_VERSIONS: Final[Mapping[TLSVersion, TlsParametersTlsProtocol]] = {
    TLSVersion.AUTO: TlsParametersTlsProtocol.TLS_AUTO,
    TLSVersion.V1_0: TlsParametersTlsProtocol.TLSv1_0,
    TLSVersion.V1_1: TlsParametersTlsProtocol.TLSv1_1,
    TLSVersion.V1_2: TlsParametersTlsProtocol.TLSv1_2,
    TLSVersion.V1_3: TlsParametersTlsProtocol.TLSv1_3,
}


def mesh_parameters(tls: MeshTls) -> TlsParameters:
    """Of mutual TLS in the mesh, the same on both sides: Envoy's clients stop at TLS 1.2 unless they are told to go on,
    and offer no curves but Envoy's own, so that a server that wants others would be out of reach."""
    least = TLSVersion.V1_2 if tls.min_version is TLSVersion.AUTO else tls.min_version
    return TlsParameters(
        tls_minimum_protocol_version=TLS_VERSIONS[least],
        tls_maximum_protocol_version=TLS_VERSIONS[TLSVersion.V1_3],
        cipher_suites=list(tls.cipher_suites),
        ecdh_curves=list(tls.ecdh_curves),
    )


def mesh_secret(name: str, tls: MeshTls) -> SdsSecretConfig:
    """One of the workload's own, from the agent beside it, if there is one: that has it at once, so that nothing is put
    to use without it."""
    return SdsSecretConfig(name=name, sds_config=_agent()) if tls.from_agent else over_ads(name)


def mesh_secrets(tls: MeshTls) -> tuple[str, ...]:
    """What mutual TLS in the mesh asks of the control plane."""
    return () if tls.from_agent else (OWN_CERTIFICATE, MESH_AUTHORITY)


def over_ads(name: str) -> SdsSecretConfig:
    """Without waiting: a secret that never comes is no reason to hold up the start of a proxy."""
    source = ConfigSource(ads=AggregatedConfigSource(), resource_api_version=ApiVersion.V3, initial_fetch_timeout=_SOON)
    return SdsSecretConfig(name=name, sds_config=source)


def _agent() -> ConfigSource:
    source = ApiConfigSource(
        api_type=ApiConfigSourceApiType.GRPC,
        transport_api_version=ApiVersion.V3,
        set_node_on_first_message_only=True,
        grpc_services=[GrpcService(envoy_grpc=GrpcServiceEnvoyGrpc(cluster_name=SDS_CLUSTER))],
    )
    return ConfigSource(api_config_source=source, resource_api_version=ApiVersion.V3, initial_fetch_timeout=timedelta())


def subject_alt_name(name: str) -> SubjectAltNameMatcher:
    """A name that the certificate of the other end has to have."""
    return SubjectAltNameMatcher(san_type=_san_type(name), matcher=StringMatcher(exact=name))


def of_trust_domains(names: Iterable[str]) -> list[SubjectAltNameMatcher]:
    """Anybody of one of the trust domains."""
    prefixes = (StringMatcher(prefix=f"spiffe://{name}/") for name in names)
    return [SubjectAltNameMatcher(san_type=SubjectAltNameMatcherSanType.URI, matcher=prefix) for prefix in prefixes]


def _san_type(name: str) -> SubjectAltNameMatcherSanType:
    """Envoy wants to know the kind of name; Istio writes them all alike."""
    if "://" in name:
        return SubjectAltNameMatcherSanType.URI
    try:
        ip_address(name)
    except ValueError:
        return SubjectAltNameMatcherSanType.DNS
    return SubjectAltNameMatcherSanType.IP_ADDRESS
