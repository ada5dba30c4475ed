"""Certificate signing requests (RFC 2986), as callers send them: bounded, verified, and believed in one thing only.

What is taken from a request is the public key. Who the certificate is for comes from the caller's proof; a request may
name the same identity and no other.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final, TypeAlias

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from xds.ca.errors import RequestError
from xds.model.identity import SpiffeId

MAX_REQUEST: Final = 16_384
"""Characters of a request. One for RSA-4096 has about 1,700."""

PublicKey: TypeAlias = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

_CURVES: Final = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
_RSA_BITS: Final = (2048, 4096)
_BEGIN: Final = "-----BEGIN "


def public_key_of(pem: str, identity: SpiffeId, aliases: Collection[str] = ()) -> PublicKey:
    """The key that a request proves to be the caller's.

    identity: what the caller has proven to be; a request may name it in a trust domain of ``aliases`` as well. Raises
    RequestError if the request is malformed, not signed by its own key, has a key that is too weak or that Envoy does
    not take, or names anybody else.
    """
    request = _parse(pem)
    if not _is_signed(request):
        raise RequestError("the request is not signed by the key in it")
    _check_identity(request, identity, aliases)
    return _usable(request)


def _parse(pem: str) -> x509.CertificateSigningRequest:
    if len(pem) > MAX_REQUEST:
        raise RequestError(f"the request has {len(pem)} characters: at most {MAX_REQUEST} are read")
    if pem.count(_BEGIN) != 1:
        raise RequestError("the request has to be one PEM block")
    try:
        return x509.load_pem_x509_csr(pem.encode())
    except (ValueError, x509.InvalidVersion, UnsupportedAlgorithm) as error:
        raise RequestError(f"this is not a certificate signing request: {error}") from error


def _is_signed(request: x509.CertificateSigningRequest) -> bool:
    try:
        return request.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise RequestError(f"the signature of the request cannot be verified: {error}") from error


def _check_identity(request: x509.CertificateSigningRequest, identity: SpiffeId, aliases: Collection[str]) -> None:
    try:
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise RequestError(f"the extensions of the request cannot be read: {error}") from error
    allowed = {str(identity), *(str(replace(identity, trust_domain=alias)) for alias in aliases)}
    for asked in names.get_values_for_type(x509.UniformResourceIdentifier):
        if asked not in allowed:
            raise RequestError(f"the request is for {asked!r}, and the caller has proven to be {identity}")


def _usable(request: x509.CertificateSigningRequest) -> PublicKey:
    try:
        key = request.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise RequestError(f"the key of the request cannot be read: {error}") from error
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, _CURVES):
        return key
    if isinstance(key, rsa.RSAPublicKey) and _RSA_BITS[0] <= key.key_size <= _RSA_BITS[1]:
        return key
    raise RequestError("the key has to be EC (P-256, P-384, P-521), or RSA with 2048 to 4096 bits")
