"""Bundles of trust domains as others publish theirs, and as we publish ours (SPIFFE Trust Domain and Bundle). Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from xds.ca.encoding import read_certificates
from xds.ca.errors import CertificateError
from xds.ca.jwt_svid import jwks
from xds.ca.stored import Stored

MAX_BUNDLE: Final = 1 << 20
"""Bytes of what is read."""

REFRESH_HINT: Final = timedelta(minutes=5)
"""How often others are to ask for ours."""

_OF_CERTIFICATES: Final = "x509-svid"
_OF_TOKENS: Final = "jwt-svid"


@dataclass(frozen=True, slots=True)
class FederatedBundle:
    """Of another trust domain. roots: at least one. jwks: the keys of its tokens, a JSON Web Key Set. refresh: how
    often it wants to be asked; None if it does not say."""

    trust_domain: str
    roots: tuple[x509.Certificate, ...]
    jwks: str
    refresh: timedelta | None = None


def read_bundle(content: bytes, trust_domain: str) -> FederatedBundle:
    """A bundle, as a JSON Web Key Set or as certificates in PEM. Raises CertificateError."""
    if len(content) > MAX_BUNDLE:
        raise CertificateError(f"the bundle has more than {MAX_BUNDLE} bytes")
    if content.lstrip().startswith(b"{"):
        return _of_document(content, trust_domain)
    roots = read_certificates(content, "the bundle")
    _check(roots)
    return FederatedBundle(trust_domain, roots, json.dumps({"keys": []}))


def own_bundle(stored: Stored) -> dict[str, object]:
    """What others are told of ours: the document that `read_bundle` reads."""
    roots = [{**_key_of(root), "use": _OF_CERTIFICATES, "x5c": [_base64(root)]} for root in stored.bundle]
    trusted = (stored.authorities[member.id] for member in stored.slots.trusted)
    tokens: list[object] = json.loads(jwks(trusted))["keys"]
    return {"spiffe_refresh_hint": int(REFRESH_HINT.total_seconds()), "keys": [*roots, *tokens]}


def _of_document(content: bytes, trust_domain: str) -> FederatedBundle:
    try:
        document = json.loads(content)
        keys = [key for key in document["keys"] if isinstance(key, dict)]
        roots = tuple(_root(key) for key in keys if key.get("use") == _OF_CERTIFICATES)
        tokens = [key for key in keys if key.get("use") == _OF_TOKENS and isinstance(key.get("kid"), str)]
        refresh = _refresh(document.get("spiffe_refresh_hint"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CertificateError(f"the bundle is no JSON Web Key Set of a trust domain: {error}") from error
    if not roots:
        raise CertificateError(f"the bundle has no key for certificates ({_OF_CERTIFICATES})")
    _check(roots)
    return FederatedBundle(trust_domain, roots, json.dumps({"keys": tokens}), refresh)


def _root(key: Mapping[str, object]) -> x509.Certificate:
    chain = key.get("x5c")
    if not isinstance(chain, list) or len(chain) != 1:
        raise ValueError("a key for certificates has to have one certificate (x5c)")
    return x509.load_der_x509_certificate(base64.b64decode(chain[0], validate=True))


def _refresh(hint: object) -> timedelta | None:
    if (
        isinstance(hint, bool)
        or not isinstance(hint, int | float)
        or not 0 < hint < timedelta(days=365).total_seconds()
    ):
        return None
    return timedelta(seconds=hint)


def _check(roots: Iterable[x509.Certificate]) -> None:
    for root in roots:
        try:
            is_authority = root.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
            is_authority = False
        if not is_authority:
            raise CertificateError(f"{root.subject.rfc4514_string()} in the bundle is no authority")


def _key_of(certificate: x509.Certificate) -> dict[str, object]:
    key = certificate.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        return dict(json.loads(ECAlgorithm.to_jwk(key)))
    if isinstance(key, rsa.RSAPublicKey):
        return dict(json.loads(RSAAlgorithm.to_jwk(key)))
    raise CertificateError(f"the key of {certificate.subject.rfc4514_string()} is neither EC nor RSA")


def _base64(certificate: x509.Certificate) -> str:
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
