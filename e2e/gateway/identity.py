"""A translator that contributes what a gateway's own identity is asked for by."""

from __future__ import annotations

from collections.abc import Iterable

from envoy_data_plane.envoy.config.core.v3 import DataSource
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import (
    CertificateValidationContext,
    Secret,
    TlsCertificate,
)

import translators
from tests.certificates import Authority
from xds import Contribution, Memo, ProxyView, add

MESH = Authority("mesh")
_GATEWAY = MESH.issue("gateway", "spiffe://cluster.local/ns/default/sa/gateway")

OWN = Secret(
    name="default",
    tls_certificate=TlsCertificate(
        certificate_chain=DataSource(inline_string=_GATEWAY.chain),
        private_key=DataSource(inline_string=_GATEWAY.key_pem),
    ),
)
ROOTS = Secret(
    name="ROOTCA", validation_context=CertificateValidationContext(trusted_ca=DataSource(inline_string=MESH.pem))
)


def identity(_view: ProxyView, memo: Memo) -> Iterable[Contribution]:
    yield memo(add, OWN)
    yield memo(add, ROOTS)


TRANSLATORS = (*translators.DEFAULT, identity)
