"""The workload's certificate and what others' are checked against, as secrets for its Envoy. Pure.

By Istio's names (``default``, ``ROOTCA``) and by SPIRE's: the SPIFFE ID, the ID of each trust domain, and ``ALL``, by
which every certificate is checked against the roots of the trust domain that it names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from google.protobuf.any_pb2 import Any

from xds.agent.identity.svid import State, Svid, certificates_pem, crls_pem
from xds.model.identity import SpiffeId
from xds.model.trust import TrustBundle
from xds.resources import SECRET, Resource, ResourceSet, Snapshot
from xds.wire.secret_pb2 import (
    CertificateValidationContext,
    DataSource,
    Secret,
    SPIFFECertValidatorConfig,
    TlsCertificate,
    TypedExtensionConfig,
)

CERTIFICATE: Final = "default"
AUTHORITY: Final = "ROOTCA"
ALL: Final = "ALL"

_VALIDATOR: Final = "envoy.tls.cert_validator.spiffe"
_VALIDATOR_TYPE: Final = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig"


def secrets_of(state: State) -> Snapshot | None:
    """All secrets; None while there is nothing to be had."""
    if state.svid is None:
        return None
    secrets = (*_certificates(state.svid), *_authorities(state.bundles))
    return Snapshot({SECRET: ResourceSet.of(_resource(secret) for secret in secrets)})


def _resource(secret: Secret) -> Resource:
    return Resource.of(SECRET, secret.name, secret.SerializeToString(deterministic=True))


def _certificates(svid: Svid) -> Iterator[Secret]:
    pair = TlsCertificate(certificate_chain=_inline(svid.chain_pem), private_key=_inline(svid.key_pem.reveal()))
    for name in (CERTIFICATE, str(svid.identity)):
        yield Secret(name=name, tls_certificate=pair)


def _authorities(bundles: Sequence[TrustBundle]) -> Iterator[Secret]:
    for position, bundle in enumerate(bundles):
        context = CertificateValidationContext(trusted_ca=_inline(certificates_pem(bundle.authorities)))
        if bundle.crls:
            context.crl.CopyFrom(_inline(crls_pem(bundle.crls)))
        if position == 0:
            yield Secret(name=AUTHORITY, validation_context=context)
        yield Secret(name=str(SpiffeId(bundle.trust_domain)), validation_context=context)
    yield Secret(name=ALL, validation_context=_by_trust_domain(bundles))


def _by_trust_domain(bundles: Sequence[TrustBundle]) -> CertificateValidationContext:
    config = SPIFFECertValidatorConfig(
        trust_domains=[
            SPIFFECertValidatorConfig.TrustDomain(
                name=bundle.trust_domain, trust_bundle=_inline(certificates_pem(bundle.authorities))
            )
            for bundle in bundles
        ]
    )
    packed = Any(type_url=_VALIDATOR_TYPE, value=config.SerializeToString(deterministic=True))
    validator = TypedExtensionConfig(name=_VALIDATOR, typed_config=packed)
    return CertificateValidationContext(custom_validator_config=validator)


def _inline(content: bytes) -> DataSource:
    return DataSource(inline_bytes=content)
