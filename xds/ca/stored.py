"""What a keystore has: authorities in slots, those that sign no more, and what is revoked. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from xds.ca.authority import Authority
from xds.ca.revocation import Revocations, is_signed_by, lists_of
from xds.ca.slots import Slots

_SHA256: Final = hashes.SHA256()


@dataclass(frozen=True, slots=True)
class Retired:
    """An authority as it was before its issuing certificate was replaced. until: when all that it has signed ended."""

    authority: Authority
    until: datetime


@dataclass(frozen=True, slots=True)
class Stored:
    """What a folder has. authorities: by id, all that are in slots."""

    trust_domain: str
    slots: Slots = field(default_factory=Slots)
    authorities: Mapping[str, Authority] = field(default_factory=dict)
    retired: tuple[Retired, ...] = ()
    revocations: Revocations = field(default_factory=Revocations)

    @property
    def living(self) -> tuple[Authority, ...]:
        """Those that may have signed, or will sign, what holds: in slots first."""
        in_slots = (self.authorities[member.id] for member in self.slots.trusted)
        return (*in_slots, *(each.authority for each in self.retired))

    @property
    def lists(self) -> tuple[x509.CertificateRevocationList, ...]:
        """All lists of revoked certificates: ours, and those of others for whom we have none."""
        own = self.revocations.lists
        signers = [signer.certificate for authority in self.living for signer in authority.signers]
        others = {each.fingerprint(_SHA256): each for authority in self.living for each in authority.lists}
        return (*own, *(each for each in others.values() if not any(is_signed_by(each, one) for one in signers)))

    @property
    def bundle(self) -> tuple[x509.Certificate, ...]:
        """Every root that is trusted, the active authority's first."""
        roots = (root for member in self.slots.trusted for root in self.authorities[member.id].roots)
        return tuple(dict.fromkeys(roots))  # what is plugged in may bring others' roots with it

    @property
    def is_listed_whole(self) -> bool:
        """Whether there is a list of every authority above what workloads get, and not only of those that issue."""
        above = {certificate for authority in self.living for certificate in authority.path}
        return all(any(lists_of(certificate, self.lists)) for certificate in above)
