"""A translator that contributes what ``credentialName: client`` asks for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from envoy_data_plane.envoy.config.core.v3 import DataSource
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import (
    CertificateValidationContext,
    Secret,
    TlsCertificate,
)

import translators
from xds import Contribution, Memo, ProxyView, add

_CERTIFICATES = Path(__file__).with_name("certificates")


def _file(name: str) -> DataSource:
    return DataSource(inline_string=(_CERTIFICATES / name).read_text())


CERTIFICATE = Secret(
    name="kubernetes://client",
    tls_certificate=TlsCertificate(certificate_chain=_file("client.pem"), private_key=_file("client.key")),
)
AUTHORITY = Secret(
    name="kubernetes://client-cacert", validation_context=CertificateValidationContext(trusted_ca=_file("ca.pem"))
)


def secrets(_view: ProxyView, memo: Memo) -> Iterable[Contribution]:
    yield memo(add, CERTIFICATE)
    yield memo(add, AUTHORITY)


TRANSLATORS = (*translators.DEFAULT, secrets)
