"""TLS that a proxy terminates (Istio ``ServerTLSSettings``). Paths are those of the proxy's own file system."""

from __future__ import annotations

from typing import Final

from envoy_data_plane.envoy.config.core.v3 import DataSource, TransportSocket
from envoy_data_plane.envoy.extensions.transport_sockets.quic.v3 import QuicDownstreamTransport
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import (
    CertificateValidationContext,
    CertificateValidationContextTrustChainVerification,
    CommonTlsContext,
    CommonTlsContextCombinedCertificateValidationContext,
    DownstreamTlsContext,
    SdsSecretConfig,
    TlsCertificate,
    TlsParameters,
)

from translators.names import secret
from translators.tls import (
    MESH_AUTHORITY,
    OWN_CERTIFICATE,
    TLS_TRANSPORT_SOCKET,
    TLS_VERSIONS,
    mesh_secret,
    mesh_secrets,
    over_ads,
    subject_alt_name,
)
from xds.model.server_tls import ServerTLSMode, ServerTLSSettings, TLSVersion
from xds.model.settings import ENVOYS_TLS, MeshTls
from xds.wire.encode import pack_any

HTTP_ALPN: Final = ("h2", "http/1.1")
_HTTP3_ALPN: Final = ("h3",)
_MESH_ALPN: Final = ("istio", *HTTP_ALPN)
_LEAST: Final = TLSVersion.V1_2
"""Istio's and Envoy's for servers."""

_REQUIRING: Final = (ServerTLSMode.MUTUAL, ServerTLSMode.ISTIO_MUTUAL)


def server_context(
    tls: ServerTLSSettings,
    credentials: tuple[str, ...],
    *,
    is_http: bool,
    defaults: MeshTls = ENVOYS_TLS,
) -> DownstreamTlsContext:
    """The proxy's end of the connection. credentials: those of the server's certificates that there are. is_http:
    whether requests are routed, or the connection is. defaults: where the server says nothing."""
    in_mesh = tls.mode is ServerTLSMode.ISTIO_MUTUAL and not is_http
    common = CommonTlsContext(
        tls_params=_parameters(tls, defaults),
        alpn_protocols=list(_MESH_ALPN if in_mesh else HTTP_ALPN),
        tls_certificates=[] if credentials else _certificates(tls),
        tls_certificate_sds_secret_configs=[_asked(name, defaults) for name in _certificate_secrets(tls, credentials)],
    )
    _verify(common, tls, defaults)
    return DownstreamTlsContext(common_tls_context=common, require_client_certificate=tls.mode in _REQUIRING)


def quic_socket(
    tls: ServerTLSSettings, credentials: tuple[str, ...], defaults: MeshTls = ENVOYS_TLS
) -> TransportSocket:
    """The transport socket of a filter chain over QUIC, which has a version and cipher suites of its own."""
    context = server_context(tls, credentials, is_http=True, defaults=defaults)
    if context.common_tls_context is not None:
        context.common_tls_context.alpn_protocols = list(_HTTP3_ALPN)
        context.common_tls_context.tls_params = None
    return TransportSocket(
        name="envoy.transport_sockets.quic",
        typed_config=pack_any(QuicDownstreamTransport(downstream_tls_context=context)),
    )


def server_socket(context: DownstreamTlsContext) -> TransportSocket:
    """The transport socket of a filter chain."""
    return TransportSocket(name=TLS_TRANSPORT_SOCKET, typed_config=pack_any(context))


def server_secrets(
    tls: ServerTLSSettings, credentials: tuple[str, ...], defaults: MeshTls = ENVOYS_TLS
) -> tuple[str, ...]:
    """The names of what the proxy has to ask the control plane for."""
    if tls.mode is ServerTLSMode.ISTIO_MUTUAL:
        return mesh_secrets(defaults)
    authority = _authority_secret(tls)
    return (*_certificate_secrets(tls, credentials), *((authority,) if authority else ()))


def _asked(name: str, defaults: MeshTls) -> SdsSecretConfig:
    return mesh_secret(name, defaults) if name in (OWN_CERTIFICATE, MESH_AUTHORITY) else over_ads(name)


def _certificate_secrets(tls: ServerTLSSettings, credentials: tuple[str, ...]) -> tuple[str, ...]:
    if tls.mode is ServerTLSMode.ISTIO_MUTUAL:
        return (OWN_CERTIFICATE,)
    return tuple(map(secret, credentials))


def _authority_secret(tls: ServerTLSSettings) -> str:
    if tls.mode is ServerTLSMode.ISTIO_MUTUAL:
        return MESH_AUTHORITY
    return secret(tls.authority_credential, authority=True) if tls.authority_credential else ""


def _parameters(tls: ServerTLSSettings, defaults: MeshTls) -> TlsParameters:
    said = (version for version in (tls.min_version, defaults.min_version) if version is not TLSVersion.AUTO)
    least = next(said, _LEAST)
    most = tls.max_version
    order = list(TLSVersion)
    if most is not TLSVersion.AUTO and order.index(most) < order.index(least):
        least = most
    return TlsParameters(
        tls_minimum_protocol_version=TLS_VERSIONS[least],
        tls_maximum_protocol_version=TLS_VERSIONS[most],
        cipher_suites=list(tls.cipher_suites or defaults.cipher_suites),
        ecdh_curves=list(defaults.ecdh_curves),
    )


def _certificates(tls: ServerTLSSettings) -> list[TlsCertificate]:
    return [
        TlsCertificate(certificate_chain=DataSource(filename=each.chain), private_key=DataSource(filename=each.key))
        for each in tls.certificates
    ]


def _verify(common: CommonTlsContext, tls: ServerTLSSettings, defaults: MeshTls) -> None:
    """Istio: of SIMPLE nothing is verified, whatever else is given."""
    if tls.mode not in (*_REQUIRING, ServerTLSMode.OPTIONAL_MUTUAL):
        return
    validation = CertificateValidationContext(
        match_typed_subject_alt_names=[subject_alt_name(name) for name in tls.subject_alt_names],
        verify_certificate_spki=list(tls.spki_pins),
        verify_certificate_hash=list(tls.hash_pins),
    )
    if tls.insecure_skip_verify:
        validation.trust_chain_verification = CertificateValidationContextTrustChainVerification.ACCEPT_UNTRUSTED
    authority = _authority_secret(tls)
    if authority:
        common.combined_validation_context = CommonTlsContextCombinedCertificateValidationContext(
            default_validation_context=validation, validation_context_sds_secret_config=_asked(authority, defaults)
        )
        return
    validation.trusted_ca = DataSource(filename=tls.ca_certificates)
    validation.crl = DataSource(filename=tls.ca_crl) if tls.ca_crl else None
    common.validation_context = validation
