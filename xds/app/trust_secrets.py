"""What certificates of others are checked against, as Envoy wants it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from envoy_data_plane.envoy.config.core.v3 import DataSource
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import CertificateValidationContext, Secret

from xds.ca.encoding import certificates_pem, lists_pem
from xds.ca.stored import Stored
from xds.model.identity import SpiffeId
from xds.pipeline.translator import resource_of
from xds.resources import Resource

AUTHORITY: Final = "ROOTCA"
"""Istio's name. SPIRE's is the ID of the trust domain."""


def trust_secrets(stored: Stored) -> Iterator[Resource]:
    """The roots of the mesh, and the lists of what is revoked, under both names."""
    context = _context(stored)
    for name in (AUTHORITY, str(SpiffeId(stored.trust_domain))):
        yield resource_of(Secret(name=name, validation_context=context))


def _context(stored: Stored) -> CertificateValidationContext:
    roots = DataSource(inline_bytes=certificates_pem(stored.bundle))
    if not (lists := stored.lists):
        return CertificateValidationContext(trusted_ca=roots)
    return CertificateValidationContext(
        trusted_ca=roots,
        crl=DataSource(inline_bytes=lists_pem(lists)),
        # unless every authority has a list, those that have none would have everything below them refused
        only_verify_leaf_cert_crl=not stored.is_listed_whole,
    )
