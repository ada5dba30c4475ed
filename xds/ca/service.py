"""The certificate authority of a running control plane: one folder, one clock, and everything that it may be asked.

Every change goes through the folder, under its lock: the command line may make steps of a rotation beside a running
server, which takes them in at the next `CertificateAuthority.refresh`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from cryptography import x509

from xds.ca import jwt_svid
from xds.ca.authority import Authority, Issued, KeyType, issue, needs_renewal, new_authority, renewed
from xds.ca.errors import KeystoreError, RateLimitError
from xds.ca.join_tokens import JoinTokens
from xds.ca.keystore import Keystore, Stored
from xds.ca.limits import RateLimit
from xds.ca.profile import Lifetimes
from xds.ca.slots import Slots, Step
from xds.model.identity import SpiffeId, check_trust_domain

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Policy:
    """What an authority does by itself. published: how long a bundle needs to reach everybody, before a prepared root
    signs anything."""

    key_type: KeyType = KeyType.EC_P256
    lifetimes: Lifetimes = field(default_factory=Lifetimes)
    published: timedelta = timedelta(hours=1)


class CertificateAuthority:
    """Issues from a folder. For use in one thread; call `refresh` now and then."""

    def __init__(self, store: Keystore, policy: Policy, clock: Clock) -> None:
        self._store = store
        self._policy = policy
        self._clock = clock
        self._limit = RateLimit()
        self._token_limit = RateLimit()
        self.join_tokens = JoinTokens(store.folder)
        self._stored: Stored | None = None

    def start(self, trust_domain: str) -> None:
        """Takes in the folder, or makes a first authority in an empty one.

        Raises KeystoreError if the folder cannot be used, or is of another trust domain; ValueError for a trust domain
        that is none.
        """
        check_trust_domain(trust_domain)
        with self._store.locked():
            found = self._store.load()
            if found is None:
                found = self._with_new(Stored(trust_domain))
                self._store.save(found)
            if found.trust_domain != trust_domain:
                raise KeystoreError(
                    f"{self._store.folder} is for the trust domain {found.trust_domain}, and the mesh's is "
                    f"{trust_domain}: use another folder"
                )
            self._store.tidy(found)
        self._stored = found

    @property
    def stored(self) -> Stored:
        """What is in force. Raises KeystoreError before `start`."""
        if self._stored is None:
            raise KeystoreError("the authority has not been started")
        return self._stored

    @property
    def active(self) -> Authority:
        """What signs."""
        active = self.stored.slots.active
        if active is None:
            raise KeystoreError(f"{self._store.folder} has no active authority")
        return self.stored.authorities[active.id]

    @property
    def bundle(self) -> tuple[x509.Certificate, ...]:
        """Every root that is trusted, the active one's first."""
        return self.stored.bundle

    def issue(self, request: str, identity: SpiffeId, asked: timedelta | None = None) -> Issued:
        """An X509-SVID. asked: how long it is to hold, within bounds. Raises CertificateError, of which RequestError is
        the caller's mistake and RateLimitError comes from asking too often."""
        now = self._clock()
        if not self._limit.allows(identity, now):
            raise RateLimitError(f"{identity} asks too often: try again later")
        life = self._policy.lifetimes.granted(asked)
        return issue(self.active, request, identity, life, now=now, serial=x509.random_serial_number)

    def issue_own(
        self, request: str, identity: SpiffeId, life: timedelta, addresses: Sequence[x509.GeneralName]
    ) -> Issued:
        """A certificate for the control plane itself, with the addresses at which it is. Raises CertificateError."""
        return issue(
            self.active,
            request,
            identity,
            life,
            now=self._clock(),
            serial=x509.random_serial_number,
            addresses=addresses,
        )

    def sign_token(self, identity: SpiffeId, audience: Sequence[str]) -> jwt_svid.Signed:
        """A JWT-SVID. Raises CertificateError, of which RateLimitError comes from asking too often."""
        now = self._clock()
        if not self._token_limit.allows(identity, now):
            raise RateLimitError(f"{identity} asks for too many tokens: try again later")
        return jwt_svid.sign(self.active, identity, audience, now=now)

    def signed(self, token: str) -> bool:
        """Whether a token says that an authority here has signed it, which nothing has verified yet."""
        return jwt_svid.signer_of(token, self.stored.authorities.values()) is not None

    def verify_token(self, token: str, audience: str) -> SpiffeId:
        """Whose JWT-SVID this is. Raises CertificateError."""
        return jwt_svid.verify(token, self.stored.authorities.values(), audience, self._clock()).identity

    # Rotation

    def refresh(self) -> bool:
        """Takes in what others changed, and makes the step for which time has come; True if anything is different."""
        before = self.stored
        with self._store.locked():
            found = self._store.load()
            if found is None:
                raise KeystoreError(f"{self._store.folder} has been emptied")
            after = self._due(found)
            if after is not found:
                self._store.save(after)
        self._stored = after if _differs(before, after) else before
        return self._stored is not before

    def prepare(self) -> None:
        """See `xds.ca.slots`. Raises RotationError if it is not possible now; so do the others."""
        self._change(self._with_new)

    def activate(self) -> None:
        """See `xds.ca.slots`."""
        self._change(lambda stored: replace(stored, slots=stored.slots.activate(self._clock())))

    def taint(self, id: str) -> None:  # noqa: A002 - the name of the thing
        """See `xds.ca.slots`."""
        self._change(lambda stored: replace(stored, slots=stored.slots.taint(id)))

    def revoke(self, id: str) -> None:  # noqa: A002 - the name of the thing
        """See `xds.ca.slots`."""
        self._change(lambda stored: _without(stored, stored.slots.revoke(id)))

    def _change(self, step: Callable[[Stored], Stored]) -> None:
        with self._store.locked():
            found = self._store.load() or self.stored
            after = step(found)
            self._store.save(after)
        self._stored = after

    def _due(self, stored: Stored) -> Stored:
        now, lifetimes = self._clock(), self._policy.lifetimes
        step = stored.slots.due(now, root_life=lifetimes.root, published=self._policy.published, longest=lifetimes.most)
        if step is Step.PREPARE:
            return self._with_new(stored)
        if step is Step.ACTIVATE:
            return replace(stored, slots=stored.slots.activate(now))
        if step is Step.REVOKE:
            return _without(stored, stored.slots.revoke(stored.slots.old[0].id))
        return self._with_renewed(stored)

    def _with_new(self, stored: Stored) -> Stored:
        policy, now = self._policy, self._clock()
        new = new_authority(
            stored.trust_domain, policy.key_type, policy.lifetimes, now=now, serial=x509.random_serial_number
        )
        slots = stored.slots.prepare(new.id, new.roots[0].not_valid_after_utc, now)
        return Stored(stored.trust_domain, slots, {**stored.authorities, new.id: new})

    def _with_renewed(self, stored: Stored) -> Stored:
        """With another issuing certificate for the active authority, if its own is near its end."""
        now, active = self._clock(), stored.slots.active
        if active is None or not needs_renewal(stored.authorities[active.id], now):
            return stored
        policy, old = self._policy, stored.authorities[active.id]
        fresh = renewed(old, policy.key_type, policy.lifetimes, now=now, serial=x509.random_serial_number)
        return replace(stored, authorities={**stored.authorities, active.id: fresh})


def _without(stored: Stored, slots: Slots) -> Stored:
    kept = {member.id for member in slots.members}
    authorities = {id_: authority for id_, authority in stored.authorities.items() if id_ in kept}
    return replace(stored, slots=slots, authorities=authorities)


def _differs(one: Stored, other: Stored) -> bool:
    return one.slots != other.slots or _versions(one) != _versions(other)


def _versions(stored: Stored) -> set[str]:
    return {authority.version for authority in stored.authorities.values()}
