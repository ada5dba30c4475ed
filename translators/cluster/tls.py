"""TLS that a proxy originates (Istio ``ClientTLSSettings``). Paths are those of the proxy's own file system."""

from __future__ import annotations

from envoy_data_plane.envoy.config.core.v3 import DataSource, TransportSocket, UpstreamHttpProtocolOptions
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import (
    CertificateValidationContext,
    CommonTlsContext,
    CommonTlsContextCombinedCertificateValidationContext,
    TlsCertificate,
    TlsParameters,
    UpstreamTlsContext,
)

from translators.names import secret
from translators.tls import TLS_TRANSPORT_SOCKET, TLS_VERSIONS, over_ads, subject_alt_name
from xds.model.policy import ClientTLSSettings, TLSMode
from xds.model.server_tls import TLSVersion
from xds.model.settings import ENVOYS_TLS, MeshTls
from xds.wire.encode import pack_any

SYSTEM_ROOTS = "/etc/ssl/certs/ca-certificates.crt"
"""Debian's and Alpine's, hence that of Envoy's and Istio's images. Istio verifies against it if no CA is named."""

_HTTP2_ONLY = ("h2",)

_ORIGINATED = (TLSMode.SIMPLE, TLSMode.MUTUAL)


def originates_tls(tls: ClientTLSSettings | None) -> bool:
    """Whether connections to the upstream are to be encrypted by the proxy."""
    return tls is not None and tls.mode in _ORIGINATED


def transport_socket(
    tls: ClientTLSSettings | None, service_names: tuple[str, ...], defaults: MeshTls, *, http2: bool
) -> TransportSocket | None:
    """The upstream socket, or None for plain text.

    service_names: what a ServiceEntry says its certificates name. defaults: the mesh's.
    """
    if tls is None or tls.mode not in _ORIGINATED:
        return None
    names = tls.subject_alt_names or service_names
    common = _from_secrets(tls, names) if tls.credential_name else _from_files(tls, names)
    common.tls_params = _parameters(defaults)
    common.alpn_protocols = list(_HTTP2_ONLY) if http2 else []
    context = UpstreamTlsContext(common_tls_context=common, sni=tls.sni)
    return TransportSocket(name=TLS_TRANSPORT_SOCKET, typed_config=pack_any(context))


def _parameters(defaults: MeshTls) -> TlsParameters | None:
    """Envoy's clients stop at TLS 1.2 unless they are told to go on."""
    if defaults == ENVOYS_TLS:
        return None
    least = defaults.min_version
    return TlsParameters(
        tls_minimum_protocol_version=TLS_VERSIONS[least],
        tls_maximum_protocol_version=TLS_VERSIONS[least if least is TLSVersion.V1_3 else TLSVersion.AUTO],
        cipher_suites=list(defaults.cipher_suites),
        ecdh_curves=list(defaults.ecdh_curves),
    )


def secrets(tls: ClientTLSSettings | None) -> tuple[str, ...]:
    """The names of what the proxy has to ask for."""
    if tls is None or tls.mode not in _ORIGINATED or not tls.credential_name:
        return ()
    own = (secret(tls.credential_name),) if tls.mode is TLSMode.MUTUAL else ()
    authority = () if tls.insecure_skip_verify else (secret(tls.credential_name, authority=True),)
    return own + authority


def host_options(tls: ClientTLSSettings | None, service_names: tuple[str, ...]) -> UpstreamHttpProtocolOptions | None:
    """Istio: SNI and the expected certificate name follow the request's host unless they are given."""
    if tls is None or tls.mode not in _ORIGINATED:
        return None
    named = tls.subject_alt_names or service_names or tls.insecure_skip_verify
    options = UpstreamHttpProtocolOptions(auto_sni=not tls.sni, auto_san_validation=not named)
    return options if options.auto_sni or options.auto_san_validation else None


def _from_secrets(tls: ClientTLSSettings, names: tuple[str, ...]) -> CommonTlsContext:
    common = CommonTlsContext()
    if tls.mode is TLSMode.MUTUAL:
        common.tls_certificate_sds_secret_configs = [over_ads(secret(tls.credential_name))]
    if not tls.insecure_skip_verify:
        common.combined_validation_context = CommonTlsContextCombinedCertificateValidationContext(
            default_validation_context=CertificateValidationContext(
                match_typed_subject_alt_names=[subject_alt_name(name) for name in names]
            ),
            validation_context_sds_secret_config=over_ads(secret(tls.credential_name, authority=True)),
        )
    return common


def _from_files(tls: ClientTLSSettings, names: tuple[str, ...]) -> CommonTlsContext:
    return CommonTlsContext(tls_certificates=_client_certificates(tls), validation_context=_validation(tls, names))


def _client_certificates(tls: ClientTLSSettings) -> list[TlsCertificate]:
    if tls.mode is not TLSMode.MUTUAL:
        return []
    chain, key = DataSource(filename=tls.client_certificate), DataSource(filename=tls.private_key)
    return [TlsCertificate(certificate_chain=chain, private_key=key)]


def _validation(tls: ClientTLSSettings, names: tuple[str, ...]) -> CertificateValidationContext | None:
    if tls.insecure_skip_verify:
        return None
    return CertificateValidationContext(
        trusted_ca=DataSource(filename=tls.ca_certificates or SYSTEM_ROOTS),
        crl=DataSource(filename=tls.ca_crl) if tls.ca_crl else None,
        match_typed_subject_alt_names=[subject_alt_name(name) for name in names],
    )
