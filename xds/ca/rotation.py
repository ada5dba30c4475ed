"""Steps from one state of a keystore to the next: new authorities, those that somebody else has made, and the end of
others. Pure: time is a parameter; keys and serial numbers come from the system's generator."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from cryptography import x509

from xds.ca.authority import Authority, KeyType, key_id, needs_renewal, new_authority, plugged_authority, renewed
from xds.ca.clock import Moment
from xds.ca.errors import RotationError
from xds.ca.plugged_in import PluggedIn
from xds.ca.profile import Lifetimes, Signer
from xds.ca.revocation import Revocations, Revoked, lists_of, may_sign_lists, sign_list
from xds.ca.slots import Slot, Slots, Step
from xds.ca.stored import Retired, Stored


@dataclass(frozen=True, slots=True)
class Policy:
    """What an authority does by itself. key_type: of roots and issuing certificates that are made from now on.
    published: how long a bundle needs to reach everybody, before a prepared root signs anything."""

    key_type: KeyType = KeyType.EC_P256
    lifetimes: Lifetimes = field(default_factory=Lifetimes)
    published: timedelta = timedelta(hours=1)


def with_new(stored: Stored, policy: Policy, now: Moment) -> Stored:
    """With a new authority prepared; active, if it is the first. Raises RotationError if one is prepared already."""
    new = new_authority(
        stored.trust_domain, policy.key_type, policy.lifetimes, now=now.earliest, serial=x509.random_serial_number
    )
    return _prepared(stored, new, now.latest)


def with_plugged(stored: Stored, parts: PluggedIn, policy: Policy, now: datetime) -> Stored:
    """With what somebody else has made: in the place of what had the same root, or else prepared; the same object if it
    is there already. Raises RotationError if it is of a tainted root."""
    root = key_id(parts.roots[0])
    new = plugged_authority(stored.trust_domain, parts, stored.authorities.get(root))
    prepared = stored.slots.prepared
    if prepared is not None and prepared.id != new.id:  # something else was plugged in since
        stored = without(stored, stored.slots.without_prepared())
    member = next((each for each in stored.slots.members if each.id == new.id), None)
    if member is None:
        return _prepared(stored, new, now)
    if member.slot is Slot.OLD:
        stored = replace(stored, slots=stored.slots.again(new.id, now))
    return stored if stored.authorities[new.id].version == new.version else _in_place(stored, new, policy, now)


def after_due(stored: Stored, policy: Policy, now: Moment, *, by_hand: bool) -> Stored:
    """With the step made for which time has come; the same object if there is none.

    by_hand: whether roots come from somebody else, so that none is made here.
    """
    stored, lifetimes = _without_ended(stored, now.earliest), policy.lifetimes
    root_life = None if by_hand else lifetimes.root
    step = stored.slots.due(now, root_life=root_life, published=policy.published, longest=lifetimes.most)
    if step is Step.PREPARE:
        return with_new(stored, policy, now)
    if step is Step.ACTIVATE:
        return replace(stored, slots=stored.slots.activate(now.latest))
    if step is Step.REVOKE:
        return without(stored, stored.slots.revoke(stored.slots.old[0].id))
    return _with_renewed(stored, policy, now)


def without(stored: Stored, slots: Slots) -> Stored:
    """With these slots, and without the authorities that are in none of them."""
    kept = {member.id for member in slots.members}
    authorities = {id_: authority for id_, authority in stored.authorities.items() if id_ in kept}
    retired = tuple(each for each in stored.retired if each.authority.id in kept)
    return replace(stored, slots=slots, authorities=authorities, retired=retired)


def with_revoked(stored: Stored, serial: int, until: datetime, now: datetime) -> Stored:
    """With a certificate that is not to be accepted any more. until: when it ends, at the latest. Raises RotationError
    if it is revoked already."""
    before = stored.revocations
    if serial in before.serials():
        raise RotationError(f"{serial:x} is revoked already")
    revoked = (*before.revoked, Revoked(serial, now, until))
    return replace(stored, revocations=Revocations(revoked, before.number))


def with_lists(stored: Stored, now: datetime) -> Stored:
    """With lists of revoked certificates for everybody who needs one, if anything is revoked; the same object if they
    are there already. Raises RotationError if somebody who needs one may not sign it."""
    before, living = stored.revocations, stored.living
    is_needed = bool(before.revoked) or any(authority.lists for authority in living)
    signed_by = tuple(authority.version for authority in living) if is_needed else ()
    if before.signed_by == signed_by:
        return stored
    unable = next((one for one in living if is_needed and not may_sign_lists(one.issuing.certificate)), None)
    if unable is not None:
        raise RotationError(
            f"{unable.id} may not sign lists of revoked certificates (its key usage is without cRLSign), and without "
            "one everything that it has signed would be refused"
        )
    if not is_needed:
        return replace(stored, revocations=Revocations((), before.number))
    number = before.number + 1
    theirs = [each for authority in living for each in authority.lists]
    lists = tuple(_list(signer, before.revoked, theirs, number, now) for signer in _signers(living))
    return replace(stored, revocations=Revocations(before.revoked, number, lists, signed_by))


def _signers(authorities: Iterable[Authority]) -> Iterable[Signer]:
    """One for each key that is here, roots' too: verifiers look at one list of an issuer, and cannot tell its
    certificates apart by it."""
    signers = (signer for authority in authorities for signer in authority.signers)
    return {key_id(signer.certificate): signer for signer in reversed(tuple(signers))}.values()


def _list(
    signer: Signer,
    revoked: Iterable[Revoked],
    theirs: Iterable[x509.CertificateRevocationList],
    number: int,
    now: datetime,
) -> x509.CertificateRevocationList:
    others = (entry for each in lists_of(signer.certificate, theirs) for entry in each)
    return sign_list(signer, revoked, others, number=number, now=now)


def differs(one: Stored, other: Stored) -> bool:
    """Whether anything that somebody could see is another."""
    return _visible(one) != _visible(other)


def _without_ended(stored: Stored, now: datetime) -> Stored:
    """Without what has ended by itself; the same object if nothing has."""
    revoked = tuple(each for each in stored.revocations.revoked if now < each.until)
    retired = tuple(each for each in stored.retired if now < each.until)
    if revoked != stored.revocations.revoked:
        stored = replace(stored, revocations=Revocations(revoked, stored.revocations.number))
    return replace(stored, retired=retired) if retired != stored.retired else stored


def _prepared(stored: Stored, new: Authority, now: datetime) -> Stored:
    slots = stored.slots.prepare(new.id, new.expires, now)
    return replace(stored, slots=slots, authorities={**stored.authorities, new.id: new})


def _in_place(stored: Stored, new: Authority, policy: Policy, now: datetime) -> Stored:
    """The one before is remembered for as long as something that it has signed may hold."""
    before = stored.authorities[new.id]
    retired = tuple(each for each in stored.retired if each.authority.version != new.version)
    if before.issuing.certificate != new.issuing.certificate:
        retired += (Retired(before, now + policy.lifetimes.most),)
    slots = stored.slots.lasting(new.id, new.expires)
    return replace(stored, slots=slots, authorities={**stored.authorities, new.id: new}, retired=retired)


def _with_renewed(stored: Stored, policy: Policy, now: Moment) -> Stored:
    """With another issuing certificate for the active authority, if its own is near its end and the root's key here."""
    active = stored.slots.active
    if active is None:
        return stored
    old = stored.authorities[active.id]
    if old.is_plugged_in or not needs_renewal(old, now.now):
        return stored
    fresh = renewed(old, policy.key_type, policy.lifetimes, now=now.earliest, serial=x509.random_serial_number)
    return _in_place(stored, fresh, policy, now.latest)


def _visible(stored: Stored) -> object:
    versions = {authority.version for authority in stored.living}
    return stored.slots, versions, stored.revocations.number, stored.revocations.signed_by
