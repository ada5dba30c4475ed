"""TLS to the control plane, by which a proxy proves who it is. Paths are those of the proxy's own file system."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from envoy_data_plane.envoy.config.core.v3 import DataSource, TransportSocket
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import (
    CertificateValidationContext,
    CommonTlsContext,
    SubjectAltNameMatcher,
    SubjectAltNameMatcherSanType,
    TlsCertificate,
    UpstreamTlsContext,
)
from envoy_data_plane.envoy.type.matcher.v3 import StringMatcher

from xds.wire.encode import pack_any


@dataclass(frozen=True, slots=True)
class XdsTls:
    """roots: what the control plane's certificate is checked against. chain, key: of the proxy's own."""

    roots: str
    chain: str
    key: str


def xds_socket(tls: XdsTls, host: str) -> TransportSocket:
    """The proxy's end of the connection. host: how it calls the control plane, which is to be in its certificate."""
    is_ip = _is_ip(host)
    kind = SubjectAltNameMatcherSanType.IP_ADDRESS if is_ip else SubjectAltNameMatcherSanType.DNS
    common = CommonTlsContext(
        alpn_protocols=["h2"],
        tls_certificates=[
            TlsCertificate(certificate_chain=DataSource(filename=tls.chain), private_key=DataSource(filename=tls.key))
        ],
        validation_context=CertificateValidationContext(
            trusted_ca=DataSource(filename=tls.roots),
            match_typed_subject_alt_names=[SubjectAltNameMatcher(san_type=kind, matcher=StringMatcher(exact=host))],
        ),
    )
    context = UpstreamTlsContext(common_tls_context=common, sni="" if is_ip else host)
    return TransportSocket(name="envoy.transport_sockets.tls", typed_config=pack_any(context))


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
