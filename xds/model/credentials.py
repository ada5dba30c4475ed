"""Credentials: certificates with their keys, and authorities that others' certificates are checked against.

A private key is `Sealed` from the moment in which its document is read: it is in no representation, dump or message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from xds.model.objects import ObjectMeta, Place

REDACTED: Final = "[redacted]"
"""What is shown in place of what must not be."""


class Sealed:
    """Bytes that nothing shows by accident: `reveal` is the only way to them."""

    __slots__ = ("_content",)

    def __init__(self, content: bytes) -> None:
        self._content = content

    def reveal(self) -> bytes:
        """The bytes themselves: for the resource that carries them to the proxy, and for nothing else."""
        return self._content

    def __eq__(self, other: object) -> bool:
        return self._content == other._content if isinstance(other, Sealed) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._content)

    def __repr__(self) -> str:
        return REDACTED


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What a certificate says. subject, issuer: RFC 4514. serial: hexadecimal. The times are in UTC.

    subject_alt_names: DNS names, IP addresses, URIs and e-mail addresses, as they are written.
    """

    subject: str
    issuer: str
    serial: str
    not_before: datetime
    not_after: datetime
    subject_alt_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RevocationFacts:
    """What a list of revoked certificates says. next_update: from when on Envoy takes no certificate of the issuer any
    more, because there should be a newer list; None if it does not say."""

    issuer: str
    last_update: datetime
    next_update: datetime | None


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate with its private key, both in PEM. chain: the certificate itself first, then those that vouch for
    it. certificates: the facts, in the same order. place: where the chain is written."""

    chain: bytes
    private_key: Sealed
    certificates: tuple[CertificateFacts, ...]
    place: Place = field(compare=False)


@dataclass(frozen=True, slots=True)
class Authority:
    """The certificates, in PEM, that others' are checked against, and the lists of what they have revoked, if any.

    place, place_of_lists: where these are written.
    """

    trusted: bytes
    certificates: tuple[CertificateFacts, ...]
    place: Place = field(compare=False)
    revoked: bytes = b""
    lists: tuple[RevocationFacts, ...] = ()
    place_of_lists: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Credential:
    """A Kubernetes ``Secret``, or a ``ConfigMap`` with an authority. It may have both halves, either, or none: then it
    is a Secret for others than proxies."""

    meta: ObjectMeta
    key_pair: KeyPair | None = None
    authority: Authority | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Credentials:
    """The credentials that one proxy may have, and no others, by the names that its configuration calls them.

    False if there are none.
    """

    key_pairs: Mapping[str, Credential] = field(default_factory=dict)
    authorities: Mapping[str, Credential] = field(default_factory=dict)

    def get(self, name: str) -> Credential | None:
        """The certificate with its key that ``credentialName: name`` asks for; None if there is none that is sound."""
        return self.key_pairs.get(bare_name(name))

    def authority(self, name: str) -> Credential | None:
        """What certificates are checked against where ``name`` is given: the authority of the Secret ``NAME-cacert``,
        or else of ``NAME``; None if there is none that is sound."""
        return self.authorities.get(bare_name(name))

    def __bool__(self) -> bool:
        return bool(self.key_pairs) or bool(self.authorities)


NO_CREDENTIALS: Final = Credentials()

_SCHEME = "kubernetes://"


def bare_name(name: str) -> str:
    """The name of the Secret itself: Istio allows it to be written with its scheme, ``kubernetes://NAME``."""
    return name.removeprefix(_SCHEME)
