"""The certificate authority of a running control plane: one folder, one clock, and everything that it may be asked.

Every change goes through the folder, under its lock: the command line may make steps of a rotation beside a running
server, which takes them in at the next `CertificateAuthority.refresh`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from cryptography import x509

from xds.ca import jwt_svid
from xds.ca.authority import Authority, Issued, issue
from xds.ca.clock import Clock as Clock  # it is part of what callers see
from xds.ca.clock import Moment, Moments
from xds.ca.errors import CertificateError, KeystoreError, RateLimitError, RotationError
from xds.ca.issued import IssuedCertificates
from xds.ca.join_tokens import JoinTokens
from xds.ca.keystore import Keystore, Stored
from xds.ca.limits import RateLimit
from xds.ca.plugged_in import PluggedIn
from xds.ca.rotation import Policy as Policy  # it is part of what callers see
from xds.ca.rotation import after_due, differs, with_lists, with_new, with_plugged, with_revoked, without
from xds.model.identity import SpiffeId, check_trust_domain

PluggedFiles = Callable[[datetime], PluggedIn]
"""Reads what somebody else has made. Raises PluggedInError."""


class CertificateAuthority:
    """Issues from a folder. For use in one thread; call `refresh` now and then.

    plugged: where roots come from, if not from here. aliases: other names of the trust domain. problem: why what is
    there now cannot be used; empty if it can. trouble: why the folder cannot be read or written; empty if it can.
    """

    def __init__(
        self,
        store: Keystore,
        policy: Policy,
        clock: Clock,
        plugged: PluggedFiles | None = None,
        elapsed: Callable[[], float] | None = None,
    ) -> None:
        """elapsed: seconds that nobody can set, as clocks can; None: the clock is never doubted."""
        self.moment: Callable[[], Moment] = Moments(clock, elapsed) if elapsed else lambda: Moment.at(clock())
        self._store = store
        self._policy = policy
        self._clock = clock
        self._plugged = plugged
        self.problem = ""
        self.trouble = ""
        self.aliases: tuple[str, ...] = ()
        self._limit = RateLimit()
        self._token_limit = RateLimit()
        self.issued = IssuedCertificates()
        self.join_tokens = JoinTokens(store.folder)
        self._stored: Stored | None = None

    def start(self, trust_domain: str) -> None:
        """Takes in the folder, or makes a first authority in an empty one.

        Raises KeystoreError if the folder cannot be used, or is of another trust domain; PluggedInError if it is empty,
        and what somebody else has made cannot be used; ValueError for a trust domain that is none.
        """
        check_trust_domain(trust_domain)
        with self._store.locked():
            found = self._store.load()
            if found is not None and found.trust_domain != trust_domain:
                raise KeystoreError(
                    f"{self._store.folder} is for the trust domain {found.trust_domain}, and the mesh's is "
                    f"{trust_domain}: use another folder"
                )
            after = self._first(Stored(trust_domain)) if found is None else self._taken_in(found)
            after = with_lists(after, self.moment().earliest)
            if after is not found:
                self._store.save(after)
            self._store.tidy(after)
        self._stored = after

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
        now = self.moment()
        if not self._limit.allows(identity, now.now):
            raise RateLimitError(f"{identity} asks too often: try again later")
        life = self._policy.lifetimes.granted(asked)
        active = self.active
        issued = issue(active, request, identity, life, now=now, serial=x509.random_serial_number, aliases=self.aliases)
        self.issued.add(issued, active)
        return issued

    def issue_own(
        self, request: str, identity: SpiffeId, life: timedelta, addresses: Sequence[x509.GeneralName]
    ) -> Issued:
        """A certificate for the control plane itself, with the addresses at which it is. Raises CertificateError."""
        return issue(
            self.active,
            request,
            identity,
            life,
            now=self.moment(),
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
        """Takes in what others changed, and makes the step for which time has come; True if anything is different.

        What the folder says is in force even if the rest of the folder cannot be brought up to date: see `trouble`.
        Raises CertificateError, OSError; then what was in force stays.
        """
        before, self.trouble = self.stored, ""
        try:
            after = self._refreshed()
        except (CertificateError, OSError) as error:
            self.trouble = str(error)
            raise
        self._stored = after if differs(before, after) else before
        return self._stored is not before

    def _refreshed(self) -> Stored:
        with self._store.locked():
            found = self._store.load()
            if found is None:
                raise KeystoreError(f"{self._store.folder} has been emptied")
            now = self.moment()
            after = after_due(self._taken_in(found), self._policy, now, by_hand=self._plugged is not None)
            after = with_lists(after, now.earliest)
            if after is not found:
                self._store.commit(after)
            try:
                self._store.tidy(after)
            except OSError as error:
                self.trouble = str(error)
        return after

    def prepare(self) -> None:
        """See `xds.ca.slots`. Raises RotationError if it is not possible now; so do the others."""
        self._change(self._with_own)

    def activate(self) -> None:
        """See `xds.ca.slots`."""
        self._change(lambda stored: replace(stored, slots=stored.slots.activate(self.moment().latest)))

    def taint(self, id: str) -> None:  # noqa: A002 - the name of the thing
        """See `xds.ca.slots`."""
        self._change(lambda stored: replace(stored, slots=stored.slots.taint(id)))

    def revoke(self, id: str) -> None:  # noqa: A002 - the name of the thing
        """See `xds.ca.slots`."""
        self._change(lambda stored: without(stored, stored.slots.revoke(id)))

    def in_use_until(self, id: str) -> datetime | None:  # noqa: A002 - the name of the thing
        """Until when something may hold that an old authority has signed; None if all of it has ended."""
        since = next((member.since for member in self.stored.slots.old if member.id == id), None)
        ends = since + self._policy.lifetimes.most if since is not None else None
        return ends if ends is not None and ends > self._clock() else None

    def revoke_certificate(self, serial: int, until: datetime | None = None) -> None:
        """Lets nobody accept a certificate any more. until: when it ends; None: when whatever was signed by now has
        ended. Raises RotationError if it is revoked already."""
        issuing = (authority.issuing.certificate for authority in self.stored.living)
        ends = until or max(certificate.not_valid_after_utc for certificate in issuing)
        self._change(lambda stored: with_revoked(stored, serial, ends, self._clock()))

    def is_revoked(self, certificate: bytes) -> bool:
        """Whether a certificate (DER) of ours is revoked, by us or by who has made the authority."""
        if not self.stored.revocations.lists:
            return False
        leaf = x509.load_der_x509_certificate(certificate)
        lists = (each for each in self.stored.lists if each.issuer == leaf.issuer)
        return any(each.get_revoked_certificate_by_serial_number(leaf.serial_number) for each in lists)

    def _change(self, step: Callable[[Stored], Stored]) -> None:
        with self._store.locked():
            found = self._store.load() or self.stored
            after = with_lists(step(found), self.moment().earliest)
            self._store.commit(after)
            self._stored = after
            self._store.tidy(after)

    def _first(self, empty: Stored) -> Stored:
        now = self.moment()
        if self._plugged is not None:
            return with_plugged(empty, self._plugged(now.now), self._policy, now.now)
        return with_new(empty, self._policy, now)

    def _with_own(self, stored: Stored) -> Stored:
        active = stored.slots.active
        if active is not None and stored.authorities[active.id].is_plugged_in:
            raise RotationError(f"{active.id} is plugged in: to replace it, put other files in the place of its own")
        return with_new(stored, self._policy, self.moment())

    def _taken_in(self, stored: Stored) -> Stored:
        """With what somebody else has made. What cannot be used leaves in force what there is."""
        if self._plugged is None:
            return stored
        now, self.problem = self._clock(), ""
        try:
            return with_lists(with_plugged(stored, self._plugged(now), self._policy, now), now)
        except CertificateError as error:
            self.problem = str(error)
            return stored
