"""What a client rejected, and what it keeps instead.

A rejected resource is in quarantine for as long as the client should have that very content: whatever is sent meanwhile
carries the last version that the client accepted, or if there was none what the resource names to be sent instead, or
leaves it out. All else flows on. The
quarantine of a name ends by itself when its content changes, when it is gone, or when the client lets go of it.

Which resources a rejection is about is taken from its message. If it names none, all that the response changed are
suspects. They are quarantined together, then tried again half by half, so that what is sound comes through within a few
round trips; a client that goes on rejecting is tried no more after `MAX_STRIKES` times.

There are two kinds of rejection, and nothing on the wire tells them apart: Envoy refuses a message that it cannot
decode or validate as a whole, but applies the rest of one in which it cannot apply a resource. So what was not rejected
is sent again in any case.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from xds.protocol.events import Send
from xds.protocol.shared import Shared
from xds.resources import Resource, ResourceSet

MAX_STRIKES = 16
"""Rejections without a name, one after the other, after which suspects are not tried again."""


class Refusal(NamedTuple):
    """A resource that the client rejected.

    accepted: what it has, or is sent, instead under that name; None if there is nothing. blind: it may have a
    version from another stream, of which nothing is known. until: how long what needs the resource is held back.
    """

    resource: Resource
    accepted: Resource | None
    blind: bool
    until: float | None

    def is_of(self, resource: Resource | None) -> bool:
        """Whether this is the content that was rejected."""
        return resource is not None and resource.version == self.resource.version

    @property
    def replaces(self) -> bool:
        """Whether the client has something else instead."""
        return self.accepted is not None and not self.is_of(self.accepted)

    def is_replaced_by(self, resource: Resource) -> bool:
        """Whether this is what the client has instead."""
        return self.accepted is not None and resource.version == self.accepted.version


class Verdict(NamedTuple):
    """What a rejection is about. fresh: by name, what was not rejected before. certain: whether all of that is bad."""

    suspects: tuple[Resource, ...]
    fresh: Mapping[str, Refusal]
    certain: bool


class Quarantine:
    """Of one type on one stream. in_force: by name, the refusals of what the client should have now."""

    __slots__ = ("_keep_blind", "_refused", "_strikes", "_trials", "in_force")

    def __init__(self, keep_blind: bool = False) -> None:
        """keep_blind: go on sending what is refused blindly; leaving it out would delete what the client has."""
        self.in_force: dict[str, Refusal] = {}
        self._keep_blind = keep_blind
        self._refused: dict[str, Refusal] = {}
        self._trials: list[tuple[Resource, ...]] = []
        self._strikes = 0

    def reject(
        self, send: Send, message: str, before: ResourceSet, blind: Callable[[str], bool], until: float
    ) -> Verdict:
        """The client rejected a response. before: what it had until then. blind: whether that is not all it had."""
        named = named_in(message, send.batch.resources)
        if named and all(self._is_refused(resource) for resource in named):
            return Verdict(named, {}, certain=True)
        mentioned = {resource.name for resource in named}
        certain = tuple(resource for resource in send.changed if resource.name in mentioned)
        suspects = certain or tuple(each for each in send.changed if not self._is_substitute(each))
        settled = bool(certain) or len(suspects) == 1
        fresh = {each.name: self._refusal(each, before, blind(each.name), until, settled) for each in suspects}
        self._refused.update(fresh)
        if not certain:
            self._plan_trials(tuple(each for each in suspects if not self.keeps(fresh[each.name])))
        return Verdict(suspects or named, fresh, settled or self._strikes > MAX_STRIKES)

    def keeps(self, refusal: Refusal) -> bool:
        """Whether what was rejected is sent all the same."""
        return self._keep_blind and refusal.blind

    def accept(self, send: Send) -> None:
        """The client accepted a response: what it carried is not rejected, unless it was sent in place of that."""
        self._strikes = 0
        for resource in send.batch.resources if self._refused else ():
            if resource.name in self._refused and not self._is_substitute(resource):
                del self._refused[resource.name]

    def try_again(self) -> None:
        """Let the next group of suspects out, if there is one."""
        group: list[Resource] = []
        while self._trials and not group:
            group = [resource for resource in self._trials.pop() if self._is_refused(resource)]
        for resource in group:
            del self._refused[resource.name]

    def filter(self, target: ResourceSet, shared: Shared) -> ResourceSet:
        """The target as the client can take it."""
        if not self._refused:
            self.in_force.clear()
            return target
        for name in [name for name, refusal in self._refused.items() if _is_over(refusal, target.get(name))]:
            del self._refused[name]
        self.in_force = {name: each for name, each in self._refused.items() if each.is_of(target.get(name))}
        return shared.swap(target, tuple(self._swaps()))

    def forget(self, covers: Callable[[str], bool]) -> None:
        """The client is not interested in other names than these."""
        for name in [name for name in self._refused if not covers(name)]:
            del self._refused[name]

    @property
    def substitutes(self) -> Iterator[Resource]:
        """What the client has in place of what it rejected."""
        return (refusal.accepted for refusal in self.in_force.values() if refusal.accepted)

    def is_blind_to(self, name: str) -> bool:
        """Whether the client may have this in a version of which nothing is known, in place of what it rejected."""
        refusal = self.in_force.get(name)
        return refusal is not None and refusal.blind

    @property
    def blind(self) -> bool:
        """Whether the client may run on something of which nothing is known."""
        return any(refusal.blind for refusal in self.in_force.values())

    @property
    def missing(self) -> Iterator[str]:
        """What the client does not have in any version, and whatever needs it should wait for."""
        return (
            name
            for name, refusal in self.in_force.items()
            if not (refusal.accepted or refusal.blind) and refusal.until is not None
        )

    @property
    def empty(self) -> bool:
        """Whether nothing is rejected, nor was until now, nor is to be tried."""
        return not (self._refused or self.in_force or self._trials)

    @property
    def deadline(self) -> float | None:
        if not self._refused:
            return None
        return min((each.until for each in self._refused.values() if each.until is not None), default=None)

    def expire(self, now: float) -> None:
        """Hold back nothing any more for what was rejected long ago."""
        late = [name for name, each in self._refused.items() if each.until is not None and now >= each.until]
        for name in late:
            self._refused[name] = self._refused[name]._replace(until=None)
        self.in_force.update((name, self._refused[name]) for name in late if name in self.in_force)

    def _is_refused(self, resource: Resource) -> bool:
        refusal = self._refused.get(resource.name)
        return refusal is not None and refusal.is_of(resource)

    def _is_substitute(self, resource: Resource) -> bool:
        refusal = self._refused.get(resource.name)
        return refusal is not None and refusal.is_replaced_by(resource) and not refusal.is_of(resource)

    def _refusal(self, resource: Resource, before: ResourceSet, blind: bool, until: float, settled: bool) -> Refusal:
        """settled: whether this resource is what was rejected; a mere suspect has nothing put in its place."""
        accepted = before.get(resource.name)
        if accepted is not None and self._is_refused(accepted):
            accepted = self._refused[resource.name].accepted
        blind = blind and accepted is None
        instead = resource.instead if settled and not blind else None
        return Refusal(resource, accepted or instead, blind, until)

    def _plan_trials(self, suspects: tuple[Resource, ...]) -> None:
        self._strikes += 1
        if self._strikes > MAX_STRIKES:
            self._trials.clear()
        elif len(suspects) > 1:
            middle = len(suspects) // 2
            self._trials += [suspects[middle:], suspects[:middle]]

    def _swaps(self) -> Iterator[tuple[str, Resource | None]]:
        return ((name, refusal.accepted) for name, refusal in self.in_force.items() if not self.keeps(refusal))


def _is_over(refusal: Refusal, resource: Resource | None) -> bool:
    """Whether what the client should have now is gone, or what it has."""
    if resource is None:
        return True
    return refusal.is_replaced_by(resource) and not refusal.is_of(resource)


def named_in(message: str, resources: tuple[Resource, ...]) -> tuple[Resource, ...]:
    """The resources whose names stand in an error message as a word of their own."""
    return tuple(
        resource
        for resource in resources
        if resource.name in message and re.search(rf"(?<![\w.|-]){re.escape(resource.name)}(?![\w|-]|\.\w)", message)
    )
