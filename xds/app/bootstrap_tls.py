"""TLS to the control plane, by which a proxy proves who it is. Paths are those of the proxy's own file system.

Certificates are read from files when the proxy starts, or come from an agent beside it whenever they are new (SDS).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from envoy_data_plane.envoy.config.cluster.v3 import Cluster, ClusterDiscoveryType
from envoy_data_plane.envoy.config.core.v3 import (
    Address,
    ApiConfigSource,
    ApiConfigSourceApiType,
    ApiVersion,
    ConfigSource,
    DataSource,
    GrpcService,
    GrpcServiceEnvoyGrpc,
    Http2ProtocolOptions,
    Pipe,
    TransportSocket,
)
from envoy_data_plane.envoy.config.endpoint.v3 import ClusterLoadAssignment, Endpoint, LbEndpoint, LocalityLbEndpoints
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import (
    CertificateValidationContext,
    CommonTlsContext,
    CommonTlsContextCombinedCertificateValidationContext,
    SdsSecretConfig,
    SubjectAltNameMatcher,
    SubjectAltNameMatcherSanType,
    TlsCertificate,
    UpstreamTlsContext,
)
from envoy_data_plane.envoy.extensions.upstreams.http.v3 import (
    HttpProtocolOptions,
    HttpProtocolOptionsExplicitHttpConfig,
)
from envoy_data_plane.envoy.type.matcher.v3 import StringMatcher

from xds.config.scalars import is_ip
from xds.model.proxy import SDS_CLUSTER
from xds.wire.encode import pack_any

OWN: Final = "default"
ROOTS: Final = "CONTROLPLANE"
"""What an agent serves: the proxy's own certificate (Istio's name), and roots for the control plane's."""


@dataclass(frozen=True, slots=True)
class XdsTls:
    """roots: what the control plane's certificate is checked against. chain, key: of the proxy's own."""

    roots: str
    chain: str
    key: str


@dataclass(frozen=True, slots=True)
class AgentTls:
    """socket: where an agent serves the proxy's certificate and what others' are checked against, over SDS."""

    socket: str


def xds_socket(tls: XdsTls | AgentTls, host: str) -> TransportSocket:
    """The proxy's end of the connection. host: how it calls the control plane, which is to be in its certificate."""
    by_address = is_ip(host)
    kind = SubjectAltNameMatcherSanType.IP_ADDRESS if by_address else SubjectAltNameMatcherSanType.DNS
    names = [SubjectAltNameMatcher(san_type=kind, matcher=StringMatcher(exact=host))]
    common = _from_files(tls, names) if isinstance(tls, XdsTls) else _from_agent(names)
    context = UpstreamTlsContext(common_tls_context=common, sni="" if by_address else host)
    return TransportSocket(name="envoy.transport_sockets.tls", typed_config=pack_any(context))


def _from_files(tls: XdsTls, names: list[SubjectAltNameMatcher]) -> CommonTlsContext:
    return CommonTlsContext(
        alpn_protocols=["h2"],
        tls_certificates=[
            TlsCertificate(certificate_chain=DataSource(filename=tls.chain), private_key=DataSource(filename=tls.key))
        ],
        validation_context=CertificateValidationContext(
            trusted_ca=DataSource(filename=tls.roots), match_typed_subject_alt_names=names
        ),
    )


def _from_agent(names: list[SubjectAltNameMatcher]) -> CommonTlsContext:
    return CommonTlsContext(
        alpn_protocols=["h2"],
        tls_certificate_sds_secret_configs=[_secret(OWN)],
        combined_validation_context=CommonTlsContextCombinedCertificateValidationContext(
            default_validation_context=CertificateValidationContext(match_typed_subject_alt_names=names),
            validation_context_sds_secret_config=_secret(ROOTS),
        ),
    )


def _secret(name: str) -> SdsSecretConfig:
    service = GrpcService(envoy_grpc=GrpcServiceEnvoyGrpc(cluster_name=SDS_CLUSTER))
    source = ApiConfigSource(
        api_type=ApiConfigSourceApiType.GRPC,
        transport_api_version=ApiVersion.V3,
        set_node_on_first_message_only=True,
        grpc_services=[service],
    )
    config = ConfigSource(api_config_source=source, resource_api_version=ApiVersion.V3)
    return SdsSecretConfig(name=name, sds_config=config)


def sds_cluster(tls: AgentTls) -> Cluster:
    """The agent."""
    options = HttpProtocolOptions(
        explicit_http_config=HttpProtocolOptionsExplicitHttpConfig(http2_protocol_options=Http2ProtocolOptions())
    )
    endpoint = LbEndpoint(endpoint=Endpoint(address=Address(pipe=Pipe(path=tls.socket))))
    return Cluster(
        name=SDS_CLUSTER,
        type=ClusterDiscoveryType.STATIC,
        connect_timeout=timedelta(seconds=1),
        typed_extension_protocol_options={"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": pack_any(options)},
        load_assignment=ClusterLoadAssignment(
            cluster_name=SDS_CLUSTER, endpoints=[LocalityLbEndpoints(lb_endpoints=[endpoint])]
        ),
    )
