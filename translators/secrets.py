"""SDS: the credentials that a proxy may have, under the names that its listeners and clusters ask for."""

from __future__ import annotations

from collections.abc import Iterator

from envoy_data_plane.envoy.config.core.v3 import DataSource
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import (
    CertificateValidationContext,
    Secret,
    TlsCertificate,
)

from translators.names import secret
from xds.model.credentials import Authority, Credential, Credentials, KeyPair
from xds.model.view import ProxyView
from xds.pipeline import Contribution, Memo, Resources
from xds.pipeline.translator import resource_of
from xds.resources import Resource


def translate(view: ProxyView, memo: Memo) -> Iterator[Contribution]:
    """One resource for each name; a credential that changes is the only one that is made anew."""
    if view.credentials:
        yield memo(_resources, view.credentials, memo)


def _resources(credentials: Credentials, memo: Memo) -> Resources:
    certificates = (memo(_certificate, name, each) for name, each in credentials.key_pairs.items())
    authorities = (memo(_authority, name, each) for name, each in credentials.authorities.items())
    return Resources((*certificates, *authorities))


def _certificate(name: str, credential: Credential) -> Resource:
    pair = credential.key_pair
    return resource_of(Secret(name=secret(name), tls_certificate=_pair(pair) if pair else None), (credential.meta.key,))


def _authority(name: str, credential: Credential) -> Resource:
    trusted = credential.authority
    context = _validation(trusted) if trusted else None
    return resource_of(Secret(name=secret(name, authority=True), validation_context=context), (credential.meta.key,))


def _pair(pair: KeyPair) -> TlsCertificate:
    return TlsCertificate(
        certificate_chain=DataSource(inline_bytes=pair.chain),
        private_key=DataSource(inline_bytes=pair.private_key.reveal()),
    )


def _validation(authority: Authority) -> CertificateValidationContext:
    return CertificateValidationContext(
        trusted_ca=DataSource(inline_bytes=authority.trusted),
        crl=DataSource(inline_bytes=authority.revoked) if authority.revoked else None,
    )
