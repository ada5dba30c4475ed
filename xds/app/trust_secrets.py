"""What certificates of others are checked against, as Envoy wants it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from envoy_data_plane.envoy.config.core.v3 import DataSource, TypedExtensionConfig
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import (
    CertificateValidationContext,
    Secret,
    SpiffeCertValidatorConfig,
    SpiffeCertValidatorConfigTrustDomain,
)

from xds.ca.encoding import certificates_pem, lists_pem
from xds.ca.spiffe_bundle import FederatedBundle
from xds.ca.stored import Stored
from xds.model.identity import SpiffeId
from xds.pipeline.translator import resource_of
from xds.resources import Resource
from xds.wire.encode import pack_any

AUTHORITY: Final = "ROOTCA"
ALL: Final = "ALL"
"""Istio's name, and SPIRE's for the bundles of all trust domains. Of one, SPIRE's is its ID."""


def trust_secrets(
    stored: Stored, aliases: Sequence[str] = (), federated: Sequence[FederatedBundle] = ()
) -> Iterator[Resource]:
    """The roots of the mesh with what is revoked, and those of each trust domain that is federated.

    aliases: other names of our own trust domain.
    """
    own = _own(stored)
    everybody = _of_each_domain(own, stored, aliases, federated) if federated else own
    for name in (AUTHORITY, ALL):
        yield resource_of(Secret(name=name, validation_context=everybody))
    yield resource_of(Secret(name=str(SpiffeId(stored.trust_domain)), validation_context=own))
    for bundle in federated:
        context = CertificateValidationContext(trusted_ca=_data(certificates_pem(bundle.roots)))
        yield resource_of(Secret(name=str(SpiffeId(bundle.trust_domain)), validation_context=context))


def _own(stored: Stored) -> CertificateValidationContext:
    roots = _data(certificates_pem(stored.bundle))
    if not (lists := stored.lists):
        return CertificateValidationContext(trusted_ca=roots)
    return CertificateValidationContext(
        trusted_ca=roots,
        crl=_data(lists_pem(lists)),
        # unless every authority has a list, those that have none would have everything below them refused
        only_verify_leaf_cert_crl=not stored.is_listed_whole,
    )


def _of_each_domain(
    own: CertificateValidationContext, stored: Stored, aliases: Sequence[str], federated: Sequence[FederatedBundle]
) -> CertificateValidationContext:
    """Each trust domain's roots for its own names and no others'.

    Envoy's validator for this takes lists out of the bundle, and wants them of every authority; so they are left out
    unless they are there.
    """
    lists = lists_pem(stored.lists) if stored.is_listed_whole else b""
    bundles = {name: certificates_pem(stored.bundle) + lists for name in (stored.trust_domain, *aliases)}
    bundles |= {bundle.trust_domain: certificates_pem(bundle.roots) for bundle in federated}
    validator = SpiffeCertValidatorConfig(
        trust_domains=[
            SpiffeCertValidatorConfigTrustDomain(name=name, trust_bundle=_data(content))
            for name, content in bundles.items()
        ]
    )
    return CertificateValidationContext(
        trusted_ca=own.trusted_ca,  # for readers that know no validators; Envoy goes by the validator
        custom_validator_config=TypedExtensionConfig(
            name="envoy.tls.cert_validator.spiffe", typed_config=pack_any(validator)
        ),
    )


def _data(content: bytes) -> DataSource:
    return DataSource(inline_bytes=content)
