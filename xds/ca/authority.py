"""An authority: a root, an issuing certificate below it, and what it takes to make and use them. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from xds.ca import profile
from xds.ca.clock import Moment
from xds.ca.errors import CertificateError
from xds.ca.plugged_in import PluggedIn
from xds.ca.profile import Lifetimes, PrivateKey, Signer
from xds.ca.request import public_key_of
from xds.ca.svid import check_own
from xds.model.identity import SpiffeId

Serial = Callable[[], int]
"""Gives a number that no certificate has yet."""


class KeyType(StrEnum):
    """Which keys an authority makes for itself."""

    EC_P256 = "ec-p256"
    RSA_2048 = "rsa-2048"
    RSA_4096 = "rsa-4096"

    def generate(self) -> PrivateKey:
        """A new key, from the system's generator."""
        if self is KeyType.EC_P256:
            return ec.generate_private_key(ec.SECP256R1())
        return rsa.generate_private_key(public_exponent=65537, key_size=2048 if self is KeyType.RSA_2048 else 4096)


@dataclass(frozen=True, slots=True, eq=False)
class Authority:
    """roots: what a verifier has to trust, the one that the chain ends in first. issuing: what signs. chain: what lies
    between, issuing first, roots left out. jwt_key: signs JWT-SVIDs. root_key: of the one root, to renew the issuing
    certificate; None if somebody else has it. lists: of revoked certificates, that somebody else has signed."""

    trust_domain: str
    roots: tuple[x509.Certificate, ...]
    issuing: Signer
    chain: tuple[x509.Certificate, ...]
    jwt_key: ec.EllipticCurvePrivateKey = field(repr=False)
    root_key: PrivateKey | None = field(default=None, repr=False)
    lists: tuple[x509.CertificateRevocationList, ...] = field(default=(), repr=False)

    @property
    def id(self) -> str:
        """Of the first root's key: 16 hexadecimal characters."""
        return key_id(self.roots[0])

    @property
    def version(self) -> str:
        """Another one for all other certificates, also if the keys are the same."""
        digest = hashlib.sha256()
        for certificate in (*self.roots, self.issuing.certificate, *self.chain):
            digest.update(certificate.fingerprint(hashes.SHA256()))
        for each in self.lists:
            digest.update(each.fingerprint(hashes.SHA256()))
        return f"{self.id}-{digest.hexdigest()[:16]}"

    @property
    def path(self) -> tuple[x509.Certificate, ...]:
        """All authorities above what workloads get, from what signs to its root."""
        return (*self.chain, self.roots[0])

    @property
    def signers(self) -> tuple[Signer, ...]:
        """All whose keys are here, of those in `path`."""
        return (self.issuing, Signer(self.roots[0], self.root_key)) if self.root_key is not None else (self.issuing,)

    @property
    def is_plugged_in(self) -> bool:
        """Whether somebody else has made it, and has to renew it."""
        return self.root_key is None

    @property
    def expires(self) -> datetime:
        """When it can sign no more, and nothing here can help that."""
        root = self.roots[0].not_valid_after_utc
        return min(root, self.issuing.certificate.not_valid_after_utc) if self.is_plugged_in else root


@dataclass(frozen=True, slots=True)
class Issued:
    """An X509-SVID. chain: leaf first, then the authorities below the root, then the root, as Istio's API wants it."""

    identity: SpiffeId
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]


def key_id(certificate: x509.Certificate) -> str:
    """Of a certificate's key: the beginning of its SHA-1 (RFC 5280, 4.2.1.2), as identifier and nothing else."""
    return x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest[:8].hex()


def key_name(key: PrivateKey) -> str:
    """What sort of key it is: ``EC secp256r1``, ``RSA 2048``."""
    return f"RSA {key.key_size}" if isinstance(key, rsa.RSAPrivateKey) else f"EC {key.curve.name}"


def new_authority(
    trust_domain: str, key_type: KeyType, lifetimes: Lifetimes, *, now: datetime, serial: Serial
) -> Authority:
    """A root of its own, and an issuing certificate below it."""
    root_key = key_type.generate()
    root = profile.root(trust_domain, root_key, now=now, life=lifetimes.root, serial=serial())
    issuing, chain = _issuing(trust_domain, Signer(root, root_key), key_type, lifetimes, now, serial)
    return Authority(trust_domain, (root,), issuing, chain, ec.generate_private_key(ec.SECP256R1()), root_key)


def renewed(
    authority: Authority, key_type: KeyType, lifetimes: Lifetimes, *, now: datetime, serial: Serial
) -> Authority:
    """With a new issuing certificate below the same root. Raises CertificateError if the root's key is elsewhere."""
    if authority.root_key is None:
        raise CertificateError("the key of the root is not here: whoever has it has to renew the issuing certificate")
    root = Signer(authority.roots[0], authority.root_key)
    issuing, chain = _issuing(authority.trust_domain, root, key_type, lifetimes, now, serial)
    return replace(authority, issuing=issuing, chain=chain)


def needs_renewal(authority: Authority, now: datetime) -> bool:
    """Whether the issuing certificate is past two thirds of its life, so that it outlives what it signs."""
    certificate = authority.issuing.certificate
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return now >= begin + (end - begin) * 2 / 3


def issue(
    authority: Authority,
    request: str,
    identity: SpiffeId,
    life: timedelta,
    *,
    now: Moment,
    serial: Serial,
    addresses: Sequence[x509.GeneralName] = (),
    aliases: Collection[str] = (),
) -> Issued:
    """An X509-SVID for a certificate signing request (PEM).

    identity: what the caller has proven to be. addresses: see `profile.workload`; never out of a request. aliases: see
    `public_key_of`. Raises RequestError if the request is refused; CertificateError if the authority cannot issue, or
    if what it signed breaks a rule, in which case nothing leaves it.
    """
    if identity.trust_domain != authority.trust_domain:
        raise CertificateError(f"{identity} is of another trust domain than {authority.trust_domain}")
    key, signer = public_key_of(request, identity, aliases), authority.issuing
    certificate = profile.workload(identity, key, signer, now=now, life=life, serial=serial(), addresses=addresses)
    check_own(certificate, now.now)
    return Issued(identity, certificate, (certificate, *authority.chain, authority.roots[0]))


def _issuing(
    trust_domain: str, root: Signer, key_type: KeyType, lifetimes: Lifetimes, now: datetime, serial: Serial
) -> tuple[Signer, tuple[x509.Certificate, ...]]:
    """An issuing certificate, and the chain from it to its root."""
    key = key_type.generate()
    life = lifetimes.issuing
    certificate = profile.issuing(trust_domain, key.public_key(), root, now=now, life=life, serial=serial())
    return Signer(certificate, key), (certificate,)


def plugged_authority(trust_domain: str, parts: PluggedIn, before: Authority | None) -> Authority:
    """Of what somebody else has made. before: the one with the same root, whose key for tokens it goes on with."""
    jwt_key = before.jwt_key if before is not None else ec.generate_private_key(ec.SECP256R1())
    return Authority(trust_domain, parts.roots, parts.signer, parts.chain, jwt_key, lists=parts.lists)
