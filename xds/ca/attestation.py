"""Who a caller is, by what it shows: a certificate of ours, a JWT-SVID, a join token, or a service account's token.

Each attestor looks at one sort of proof. The first that knows the proof decides; one that does not know it says so, and
the next is asked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from cryptography import x509

from xds.ca.errors import CertificateError
from xds.ca.service import CertificateAuthority, Clock
from xds.model.identity import SpiffeId

AUDIENCE: Final = "istio-ca"
"""Whom tokens for the authority have to be for (Istio's default)."""

_JWT_PARTS: Final = 3


class AttestationError(CertificateError):
    """A proof is not believed, or there is none. The message never shows it."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a caller shows. certificate: verified by TLS, DER. Each is empty if there is none."""

    certificate: bytes = b""
    token: str = ""


Attestor = Callable[[Evidence], Awaitable["SpiffeId | None"]]
"""Whose evidence this is; None if it is of another sort. Raises CertificateError if it is not believed."""


async def attest(evidence: Evidence, attestors: Sequence[Attestor]) -> SpiffeId:
    """Who the caller is. Raises AttestationError."""
    for attestor in attestors:
        try:
            found = await attestor(evidence)
        except CertificateError as error:
            raise AttestationError(str(error)) from error
        if found is not None:
            return found
    if evidence.token:
        raise AttestationError("the bearer token is no join token, and of no issuer that is believed here")
    raise AttestationError("nothing proves who calls: show a client certificate or a bearer token")


def by_certificate(
    trust_domain: str, is_revoked: Callable[[bytes], bool], aliases: Callable[[], Collection[str]] = tuple
) -> Attestor:
    """A certificate that TLS has verified: TLS knows no SPIFFE, so that names are looked at here.

    is_revoked: of a certificate, DER. aliases: other names of the trust domain now; whoever has one is the same as
    under its own.
    """

    async def attestor(evidence: Evidence) -> SpiffeId | None:
        if not evidence.certificate:
            return None
        if is_revoked(evidence.certificate):
            raise AttestationError("the client certificate is revoked")
        found = _named_in(evidence.certificate)
        if found.trust_domain in aliases():
            found = replace(found, trust_domain=trust_domain)
        return _of_workload(found, trust_domain)

    return attestor


@lru_cache(maxsize=4096)
def _named_in(certificate: bytes) -> SpiffeId:
    try:
        extensions = x509.load_der_x509_certificate(certificate).extensions
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
        if len(uris) != 1:
            raise AttestationError(f"the certificate has {len(uris)} URI names, and has to have one")
        return SpiffeId.parse(uris[0])
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension) as error:
        raise AttestationError(f"the client certificate names nobody: {error}") from error


def by_join_token(authority: CertificateAuthority, clock: Clock) -> Attestor:
    """A join token, which is used up. It is no JWT."""

    async def attestor(evidence: Evidence) -> SpiffeId | None:
        if not evidence.token or evidence.token.count(".") == _JWT_PARTS - 1:
            return None
        return authority.join_tokens.use(evidence.token, clock())

    return attestor


def by_jwt_svid(authority: CertificateAuthority) -> Attestor:
    """A JWT-SVID for the authority."""

    async def attestor(evidence: Evidence) -> SpiffeId | None:
        if not evidence.token or not authority.signed(evidence.token):
            return None
        return authority.verify_token(evidence.token, AUDIENCE)

    return attestor


def _of_workload(identity: SpiffeId, trust_domain: str) -> SpiffeId:
    if identity.trust_domain != trust_domain:
        raise AttestationError(f"{identity} is of another trust domain than {trust_domain}")
    if not identity.is_workload:
        raise AttestationError(f"{identity} is no workload: spiffe://TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICE_ACCOUNT")
    return identity
