"""Steps from one state of a keystore to the next: new authorities, those that somebody else has made, and the end of
others. Pure: time is a parameter; keys and serial numbers come from the system's generator."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from cryptography import x509

from xds.ca.authority import Authority, KeyType, key_id, needs_renewal, new_authority, plugged_authority, renewed
from xds.ca.keystore import Stored
from xds.ca.plugged_in import PluggedIn
from xds.ca.profile import Lifetimes
from xds.ca.slots import Slot, Slots, Step


@dataclass(frozen=True, slots=True)
class Policy:
    """What an authority does by itself. key_type: of roots and issuing certificates that are made from now on.
    published: how long a bundle needs to reach everybody, before a prepared root signs anything."""

    key_type: KeyType = KeyType.EC_P256
    lifetimes: Lifetimes = field(default_factory=Lifetimes)
    published: timedelta = timedelta(hours=1)


def with_new(stored: Stored, policy: Policy, now: datetime) -> Stored:
    """With a new authority prepared; active, if it is the first. Raises RotationError if one is prepared already."""
    new = new_authority(
        stored.trust_domain, policy.key_type, policy.lifetimes, now=now, serial=x509.random_serial_number
    )
    return _prepared(stored, new, now)


def with_plugged(stored: Stored, parts: PluggedIn, now: datetime) -> Stored:
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
        return _in_place(replace(stored, slots=stored.slots.again(new.id, now)), new)
    return stored if stored.authorities[new.id].version == new.version else _in_place(stored, new)


def after_due(stored: Stored, policy: Policy, now: datetime, *, by_hand: bool) -> Stored:
    """With the step made for which time has come; the same object if there is none.

    by_hand: whether roots come from somebody else, so that none is made here.
    """
    lifetimes = policy.lifetimes
    root_life = None if by_hand else lifetimes.root
    step = stored.slots.due(now, root_life=root_life, published=policy.published, longest=lifetimes.most)
    if step is Step.PREPARE:
        return with_new(stored, policy, now)
    if step is Step.ACTIVATE:
        return replace(stored, slots=stored.slots.activate(now))
    if step is Step.REVOKE:
        return without(stored, stored.slots.revoke(stored.slots.old[0].id))
    return _with_renewed(stored, policy, now)


def without(stored: Stored, slots: Slots) -> Stored:
    """With these slots, and without the authorities that are in none of them."""
    kept = {member.id for member in slots.members}
    authorities = {id_: authority for id_, authority in stored.authorities.items() if id_ in kept}
    return replace(stored, slots=slots, authorities=authorities)


def differs(one: Stored, other: Stored) -> bool:
    """Whether anything that somebody could see is another."""
    return one.slots != other.slots or _versions(one) != _versions(other)


def _prepared(stored: Stored, new: Authority, now: datetime) -> Stored:
    slots = stored.slots.prepare(new.id, new.expires, now)
    return replace(stored, slots=slots, authorities={**stored.authorities, new.id: new})


def _in_place(stored: Stored, new: Authority) -> Stored:
    slots = stored.slots.lasting(new.id, new.expires)
    return replace(stored, slots=slots, authorities={**stored.authorities, new.id: new})


def _with_renewed(stored: Stored, policy: Policy, now: datetime) -> Stored:
    """With another issuing certificate for the active authority, if its own is near its end and the root's key here."""
    active = stored.slots.active
    if active is None:
        return stored
    old = stored.authorities[active.id]
    if old.is_plugged_in or not needs_renewal(old, now):
        return stored
    return _in_place(stored, renewed(old, policy.key_type, policy.lifetimes, now=now, serial=x509.random_serial_number))


def _versions(stored: Stored) -> set[str]:
    return {authority.version for authority in stored.authorities.values()}
