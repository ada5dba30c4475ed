"""Roots in slots, so that one can take the other's place without a refused connection: SPIRE's verbs.

    prepare   a new root is made, and goes into every bundle: everybody trusts what it will sign
    activate  the prepared root signs from now on; the one before is old, and still trusted
    taint     nothing that an old root has signed is to be used any more: workloads renew at once
    revoke    an old root leaves the bundles: nobody trusts it any more

Pure: every step gives new `Slots`; time is a parameter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from xds.ca.clock import Moment
from xds.ca.errors import RotationError


class Slot(StrEnum):
    """What an authority is for now."""

    PREPARED = "prepared"
    ACTIVE = "active"
    OLD = "old"


@dataclass(frozen=True, slots=True)
class Member:
    """An authority in a slot. id: of its root's key. since: when it came there. expires: when it can sign no more, and
    nothing here can help that."""

    id: str
    slot: Slot
    since: datetime
    expires: datetime
    tainted: bool = False


class Step(StrEnum):
    """What time has come for."""

    PREPARE = "prepare"
    ACTIVATE = "activate"
    REVOKE = "revoke"


_RENEWED_IN_LAST: Final = 0.2
"""The share of a root's life, at its end, in which it is replaced."""


@dataclass(frozen=True, slots=True)
class Slots:
    """All authorities, the oldest first. At most one is prepared; one is active, but in an empty store."""

    members: tuple[Member, ...] = ()

    @property
    def active(self) -> Member | None:
        """The one that signs."""
        return next(self._in(Slot.ACTIVE), None)

    @property
    def prepared(self) -> Member | None:
        """The one that is trusted already, and signs nothing yet."""
        return next(self._in(Slot.PREPARED), None)

    @property
    def old(self) -> tuple[Member, ...]:
        """Those that sign no more, and are still trusted."""
        return tuple(self._in(Slot.OLD))

    @property
    def trusted(self) -> tuple[Member, ...]:
        """What belongs into bundles: the active one first."""
        order = (Slot.ACTIVE, Slot.PREPARED, Slot.OLD)
        return tuple(sorted(self.members, key=lambda member: order.index(member.slot)))

    def prepare(self, id: str, expires: datetime, now: datetime) -> Slots:  # noqa: A002 - the name of the thing
        """With a new authority, active at once if it is the first. Raises RotationError if one is prepared already."""
        if self.prepared is not None:
            raise RotationError(f"{self.prepared.id} is prepared already: activate it first")
        slot = Slot.PREPARED if self.active is not None else Slot.ACTIVE
        return Slots((*self.members, Member(id, slot, now, expires)))

    def without_prepared(self) -> Slots:
        """As before something was prepared."""
        return Slots(tuple(member for member in self.members if member.slot is not Slot.PREPARED))

    def again(self, id: str, now: datetime) -> Slots:  # noqa: A002 - the name of the thing
        """With an old authority prepared. Raises RotationError if it is tainted, or another one is prepared."""
        if self.prepared is not None:
            raise RotationError(f"{self.prepared.id} is prepared already: activate it first")
        if any(member.id == id and member.tainted for member in self.members):
            raise RotationError(f"{id} is tainted, and does not sign again")
        return Slots(tuple(replace(m, slot=Slot.PREPARED, since=now) if m.id == id else m for m in self.members))

    def lasting(self, id: str, expires: datetime) -> Slots:  # noqa: A002 - the name of the thing
        """With another end of an authority."""
        return Slots(tuple(replace(m, expires=expires) if m.id == id else m for m in self.members))

    def activate(self, now: datetime) -> Slots:
        """With the prepared authority active, and the active one old. Raises RotationError if none is prepared."""
        if self.prepared is None:
            raise RotationError("no authority is prepared: prepare one first, and let every proxy have it")
        after = {Slot.PREPARED: Slot.ACTIVE, Slot.ACTIVE: Slot.OLD}
        return Slots(
            tuple(
                replace(member, slot=after[member.slot], since=now) if member.slot in after else member
                for member in self.members
            )
        )

    def taint(self, id: str) -> Slots:  # noqa: A002 - the name of the thing
        """With an old authority marked. Raises RotationError if there is no old one of this id."""
        self._old(id, "tainted")
        return Slots(tuple(replace(m, tainted=True) if m.id == id else m for m in self.members))

    def revoke(self, id: str) -> Slots:  # noqa: A002 - the name of the thing
        """Without an old authority. Raises RotationError if there is no old one of this id."""
        self._old(id, "revoked")
        return Slots(tuple(member for member in self.members if member.id != id))

    def due(self, now: Moment, *, root_life: timedelta | None, published: timedelta, longest: timedelta) -> Step | None:
        """The step that rotation by age takes now, if any. What cannot be undone waits until it is surely time.

        root_life: of roots that are made here; None: somebody else makes them. published: how long a bundle needs to
        reach everybody. longest: how long the certificate of a workload can last.
        """
        active, prepared = self.active, self.prepared
        if prepared is not None:
            is_over = active is None or now.now >= active.expires
            return Step.ACTIVATE if is_over or now.earliest >= prepared.since + published else None
        if active is not None and root_life is not None and now.now >= active.expires - root_life * _RENEWED_IN_LAST:
            return Step.PREPARE
        if active is not None and self.old and now.earliest >= active.since + longest + published:
            return Step.REVOKE
        return None

    def _old(self, id: str, what: str) -> None:  # noqa: A002 - the name of the thing
        if all(member.id != id for member in self.old):
            known = ", ".join(member.id for member in self.old) or "none"
            raise RotationError(f"only an old authority can be {what}, and {id} is not one; old are: {known}")

    def _in(self, slot: Slot) -> Iterator[Member]:
        return (member for member in self.members if member.slot is slot)
