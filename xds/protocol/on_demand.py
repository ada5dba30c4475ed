"""Virtual hosts on a delta stream, which a client asks for when it first meets a request for them (VHDS).

It asks by an alias, ``route/domain``, and is sent the resource that has it, with the alias, on which the request in the
client waits. From then on it is told of changes of that resource, under the resource's own name. If there is none, it
is told so at once, by a resource that has the alias as its name and no body, and is sent the real one when it appears.

Two things are as Envoy 1.40 wants them. It puts a RouteConfiguration with virtual hosts on demand into service only
when it has heard of one of them, while it asks for none; so it is told that there is none with the name ``route/*``.
And its first request has no names, for which it takes itself to have asked for everything, and asks for that when it
reconnects; it is held to the names that it lists.
"""

from __future__ import annotations

from dataclasses import replace

from xds.protocol.channel import Due
from xds.protocol.delta import DeltaChannel
from xds.protocol.doubts import NodeDoubts
from xds.protocol.events import DeltaRequest, Effect
from xds.protocol.framing import DeltaBatch
from xds.protocol.interest import WILDCARD
from xds.protocol.shared import Shared
from xds.resources import VIRTUAL_HOST, Resource, ResourceSet, TypeUrl

ON_DEMAND_TYPES = frozenset({VIRTUAL_HOST})
"""Types that clients ask for by alias."""


class OnDemandChannel(DeltaChannel):
    """See the module. _names: by alias asked for, the name of its resource.

    _greetings: what a client that waits to hear of a route is to be told. _greets_all: it waits for all that are known.
    """

    __slots__ = ("_greetings", "_greets_all", "_names")

    def __init__(self, type_url: TypeUrl, shared: Shared, doubts: NodeDoubts) -> None:
        super().__init__(type_url, shared, doubts)
        self._names: dict[str, str] = {}
        self._greetings: dict[str, None] = {}
        self._greets_all = False

    def receive(self, request: DeltaRequest, until: float) -> list[Effect]:
        request = _without_wildcard(request)
        if not self._started:
            self._greets_all = not request.initial_versions
            doubtful = self._doubts.names(self.type_url, request.initial_versions)
            self.interest.implied.update(dict.fromkeys((*request.initial_versions, *doubtful)))
        effects = super().receive(request, until)
        for alias in request.unsubscribe:
            name = self._names.pop(alias, alias)
            if name not in self._names.values():
                self.interest.implied.pop(name, None)
        return effects

    def force(self, name: str) -> None:
        """A RouteConfiguration was sent. name: ``route/*``."""
        self._greetings[name] = None

    @property
    def _has_more_to_say(self) -> bool:
        return super()._has_more_to_say or bool(self._greetings) or self._greets_all

    def _difference(self, target: ResourceSet) -> Due | None:
        self._resolve(target)
        if self._greets_all:
            self._greetings.update((f"{name.rpartition('/')[0]}/*", None) for name in target.names)
        due = super()._difference(target)
        self.interest.implied = {name: None for name in self.interest.implied if name in target}
        greets, self._greets_all = self._greets_all, False
        if due is None and greets:
            return self._shared.part(DeltaBatch, self.type_url, ()), ()
        return due

    def _resolve(self, target: ResourceSet) -> None:
        found = {asked: target.aliases.find(asked) for asked in self.interest.names if asked not in target}
        for asked, name in found.items():
            if name is not None and (self._names.get(asked) != name or asked in self._forced):
                self._forced[name] = None
                self.interest.implied[name] = None
        self._names = {asked: name for asked, name in found.items() if name is not None}
        self._unknown_aliases = tuple(asked for asked in self._forced if found.get(asked, "") is None)
        self._forced = {name: None for name in self._forced if name not in found}

    def _with_forced(
        self, changed: tuple[Resource, ...], removed: tuple[str, ...], target: ResourceSet
    ) -> tuple[tuple[Resource, ...], tuple[str, ...]]:
        changed, removed = super()._with_forced(changed, removed, target)
        greetings = tuple(name for name in self._greetings if name not in removed)
        self._greetings.clear()
        return tuple(map(self._with_aliases, changed)), (*removed, *greetings)

    def _with_aliases(self, resource: Resource) -> Resource:
        """With every alias that was asked for; wildcards do not tell them."""
        asked = [alias for alias, name in self._names.items() if name == resource.name]
        more = tuple(alias for alias in asked if alias not in resource.aliases)
        return replace(resource, aliases=(*resource.aliases, *more)) if more else resource

    def _heartbeats(
        self, changed: tuple[Resource, ...], removed: tuple[str, ...], target: ResourceSet
    ) -> tuple[Resource, ...]:
        unknown = (alias for alias in self._unknown_aliases if alias not in removed)
        without_body = (Resource(self.type_url, alias, b"", "", aliases=(alias,)) for alias in unknown)
        return (*super()._heartbeats(changed, removed, target), *without_body)


def _without_wildcard(request: DeltaRequest) -> DeltaRequest:
    """Without the aliases, too, that the client was told to be unknown: it lists them with an empty version."""
    names = tuple(name for name in request.subscribe if name != WILDCARD)
    known = {name: version for name, version in request.initial_versions.items() if version}
    return replace(request, subscribe=names, initial_versions=known)
