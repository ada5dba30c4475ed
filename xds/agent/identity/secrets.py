"""The workload's certificate and what others' are checked against, as secrets for its Envoy. Pure.

By Istio's names (``default``, ``ROOTCA``) and by SPIRE's: the SPIFFE ID, the ID of each trust domain, and ``ALL``.
Where trust domains are federated, every certificate is checked against the roots of the trust domain that it names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
CONTROL_PLANE: Final = "CONTROLPLANE"
"""Roots for Envoy's connection to the control plane, whose certificate names a host and is of no trust domain."""

_VALIDATOR: Final = "envoy.tls.cert_validator.spiffe"
_VALIDATOR_TYPE: Final = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig"


def secrets_of(state: State) -> Snapshot | None:
    """All secrets; None while there is nothing to be had."""
    if state.svid is None or not state.bundles:
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
    """As the control plane gives them to proxies without an agent."""
    own, *federated = bundles
    everybody = _of_each_domain(own, federated) if federated else _own(own)
    for name in (AUTHORITY, ALL):
        yield Secret(name=name, validation_context=everybody)
    for name in (CONTROL_PLANE, str(SpiffeId(own.trust_domain))):
        yield Secret(name=name, validation_context=_own(own))
    for bundle in federated:
        context = CertificateValidationContext(trusted_ca=_inline(certificates_pem(bundle.authorities)))
        yield Secret(name=str(SpiffeId(bundle.trust_domain)), validation_context=context)


def _own(bundle: TrustBundle) -> CertificateValidationContext:
    roots = _inline(certificates_pem(bundle.authorities))
    if not bundle.crls:
        return CertificateValidationContext(trusted_ca=roots)
    # unless every authority has a list, those that have none would have everything below them refused
    leaf_only = not bundle.listed_whole
    lists = _inline(crls_pem(bundle.crls))
    return CertificateValidationContext(trusted_ca=roots, crl=lists, only_verify_leaf_cert_crl=leaf_only)


def _of_each_domain(own: TrustBundle, federated: Iterable[TrustBundle]) -> CertificateValidationContext:
    """Each trust domain's roots for its own names and no others'. Envoy's validator for this takes lists out of the
    bundle, and wants them of every authority."""
    roots = certificates_pem(own.authorities)
    lists = crls_pem(own.crls) if own.listed_whole else b""
    content = dict.fromkeys((own.trust_domain, *own.aliases), roots + lists)
    content |= {bundle.trust_domain: certificates_pem(bundle.authorities) for bundle in federated}
    config = SPIFFECertValidatorConfig(
        trust_domains=[
            SPIFFECertValidatorConfig.TrustDomain(name=name, trust_bundle=_inline(bundle))
            for name, bundle in content.items()
        ]
    )
    packed = Any(type_url=_VALIDATOR_TYPE, value=config.SerializeToString(deterministic=True))
    validator = TypedExtensionConfig(name=_VALIDATOR, typed_config=packed)
    return CertificateValidationContext(trusted_ca=_inline(roots), custom_validator_config=validator)


def _inline(content: bytes) -> DataSource:
    return DataSource(inline_bytes=content)
