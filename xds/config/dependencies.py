"""A route and what it sends traffic to take effect together, in whatever order they arrive and leave.

Routes are written in VirtualServices; the services and subsets that they need in other objects. A route to something
that is not there fails every request. So:

- While the newest version of a VirtualService needs something that nobody provides, the version that was in force
  stays. The newest takes its place as soon as it lacks nothing.
- A version that lacks something takes effect if there was none before, or if the one before lacks something too.
- What a DestinationRule, a Service or a ServiceEntry provided and does not provide any more stays in force as long as
  a VirtualService in force needs it, if one did before. Everything else about the object changes at once.

Something is provided if any object of the mesh provides it, whether the client at hand may see that object or not.

Pure: `Dependencies` is immutable, and `Dependencies.update` gives the next one, at the cost of what changed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import chain

from xds.config.dependency_findings import kept_finding, missing_finding
from xds.config.drafts import Draft, SetDraft, ShardedDraft
from xds.config.needs import Need, Use, uses_of
from xds.config.objects import ConfigObject, Objects, ServiceDeclaration
from xds.config.providers import Provider, hosts_of, offered_by, offers, with_kept
from xds.model.diagnostic import Diagnostic
from xds.model.hosts import host_matches, is_wildcard
from xds.model.objects import ObjectKey
from xds.model.policy import DestinationRule
from xds.model.routing import VirtualService

_WILDCARD = "*"
_PROVIDERS = (DestinationRule, ServiceDeclaration)

KeysByHost = Mapping[str, AbstractSet[ObjectKey]]

Lost = dict[Need, list[tuple[VirtualService, Use]]]
"""What is not provided any more, with the routes that need it."""


@dataclass(frozen=True, slots=True, eq=False)
class Dependencies:
    """What is in force of what is written.

    newest: every object in its newest version. held: by key, what is in force instead of the newest. changed: the
    objects that the last update put in force, replaced or took out of it. providers: the objects that are about each
    host, those about wildcards under ``*``; users: the VirtualServices that need something of each host; both in their
    newest version or in the one in force. findings: what there is to say about each object.
    """

    newest: Objects = field(default_factory=dict)
    held: Objects = field(default_factory=dict)
    changed: frozenset[ObjectKey] = frozenset()
    providers: KeysByHost = field(default_factory=dict)
    users: KeysByHost = field(default_factory=dict)
    findings: Mapping[ObjectKey, tuple[Diagnostic, ...]] = field(default_factory=dict)

    @property
    def objects(self) -> Objects:
        """Every object in force."""
        if not self.held:
            return self.newest
        draft = ShardedDraft(self.newest)
        for key, item in self.held.items():
            draft.set(key, item)
        return draft.done()

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Everything that is missing or kept, ordered by object."""
        return tuple(chain.from_iterable(self.findings[key] for key in sorted(self.findings)))

    def in_force(self, key: ObjectKey) -> ConfigObject | None:
        """The object in force with this key."""
        return self.held.get(key) or self.newest.get(key)

    def waits(self, key: ObjectKey) -> bool:
        """Whether an older version than the newest is in force. What is kept of a provider does not make it older."""
        return isinstance(self.held.get(key), VirtualService)

    def update(self, newest: Objects, changed: Collection[ObjectKey]) -> Dependencies:
        """After ``changed`` were added, replaced or removed, which makes ``newest``."""
        return _Update(self, newest, changed).run()


class _Update:
    """One step from `Dependencies` to the next."""

    def __init__(self, before: Dependencies, newest: Objects, changed: Collection[ObjectKey]) -> None:
        self._before = before
        self._newest = newest
        self._changed = changed
        self._held = Draft(before.held)
        self._findings = Draft(before.findings)
        self._providers = SetDraft(before.providers)
        self._users = SetDraft(before.users)
        self._needed: dict[Need, bool] = {}

    def run(self) -> Dependencies:
        provided, providers = self._enter_providers()
        routes = {key for key in self._changed if self._either(key, VirtualService)}
        routes.update(*(_users_of(host, self._before.users) for host in provided))
        for key in routes:
            self._decide(key)
            self._enter(self._users, key, _hosts_needed)
        users = self._users.done()
        if routes:
            providers.update(key for key in self._before.held if self._either(key, *_PROVIDERS))
        for key in providers:
            self._keep(key, users)
            self._enter(self._providers, key, _buckets)
        for key in routes:
            self._tell(key)
        candidates = {*self._changed, *routes, *providers}
        return Dependencies(
            newest=self._newest,
            held=self._held.done(),
            changed=frozenset(key for key in candidates if self._in_force(key) is not self._before.in_force(key)),
            providers=self._providers.done(),
            users=users,
            findings=self._findings.done(),
        )

    def _either(self, key: ObjectKey, *kinds: type[ConfigObject]) -> bool:
        """Whether the object is of one of these types, or was."""
        return isinstance(self._newest.get(key), kinds) or isinstance(self._before.in_force(key), kinds)

    def _in_force(self, key: ObjectKey) -> ConfigObject | None:
        return self._held.get(key) or self._newest.get(key)

    # Who provides what, and who needs it

    def _enter_providers(self) -> tuple[set[str], set[ObjectKey]]:
        """The hosts of which something else is provided than before, and the providers that changed."""
        hosts: set[str] = set()
        providers: set[ObjectKey] = set()
        for key in self._changed:
            if self._either(key, *_PROVIDERS):
                providers.add(key)
                for bucket in _buckets(self._newest.get(key)) - _buckets(self._before.newest.get(key)):
                    self._providers.add(bucket, key)
                different = offered_by(self._before.newest.get(key)) ^ offered_by(self._newest.get(key))
                hosts.update(need.host for need in different)
        return hosts, providers

    def _enter(
        self, index: SetDraft[str, ObjectKey], key: ObjectKey, hosts: Callable[[ConfigObject | None], AbstractSet[str]]
    ) -> None:
        """Bring an index up to date for one object, in its newest version and in the one in force."""
        before = hosts(self._before.newest.get(key)) | hosts(self._before.in_force(key))
        now = hosts(self._newest.get(key)) | hosts(self._in_force(key))
        for host in before - now:
            index.discard(host, key)
        for host in now - before:
            index.add(host, key)

    # Routes wait

    def _decide(self, key: ObjectKey) -> None:
        newest, current = self._newest.get(key), self._before.in_force(key)
        waits = (
            isinstance(newest, VirtualService)
            and current is not None
            and current is not newest
            and not self._has_all(newest)
            and self._has_all(current)
        )
        self._held.set(key, current if waits else None)

    def _has_all(self, item: ConfigObject | None) -> bool:
        return all(self._is_provided(use.need) or self._can_stay(use.need) for use in uses_of(item))

    def _is_provided(self, need: Need) -> bool:
        """By what is written now."""
        return any(offers(self._newest.get(key), need) for key in self._candidates(need))

    def _can_stay(self, need: Need) -> bool:
        """Because it is in force, and needed by a route in force."""
        former = map(self._before.in_force, self._candidates(need))
        return self._was_needed(need) and any(offers(item, need) for item in former)

    def _was_needed(self, need: Need) -> bool:
        """By a route that was in force until now. Found out once: a service may have very many routes."""
        if need not in self._needed:
            users = map(self._before.in_force, self._before.users.get(need.host, ()))
            self._needed[need] = any(use.need == need for user in users for use in uses_of(user))
        return self._needed[need]

    def _candidates(self, need: Need) -> Iterator[ObjectKey]:
        return chain(self._providers.get(need.host), self._providers.get(_WILDCARD))

    # What routes need stays

    def _keep(self, key: ObjectKey, users: KeysByHost) -> None:
        newest, former = self._newest.get(key), self._before.in_force(key)
        kept, lost = None, Lost()
        if isinstance(former, Provider) and not offered_by(former) <= offered_by(newest):
            lost = self._lost(former, users)
            kept = with_kept(newest, former, lost) if lost else None
        before = self._before.held.get(key)
        self._held.set(key, before if kept == before else kept)
        told = lost.items() if kept else ()
        self._findings.set(key, tuple(kept_finding(kept, need, by) for need, by in told if kept) or None)

    def _lost(self, former: Provider, users: KeysByHost) -> Lost:
        """What a provider in force provides, nobody does any more, and routes in force need; with these routes."""
        keys = {key for host in hosts_of(former) for key in _users_of(host, users)}
        lost = Lost()
        for user in map(self._in_force, sorted(keys)):
            if isinstance(user, VirtualService):
                for need, use in {use.need: use for use in uses_of(user)}.items():
                    if offers(former, need) and not self._is_provided(need) and self._was_needed(need):
                        lost.setdefault(need, []).append((user, use))
        return lost

    # What there is to say

    def _tell(self, key: ObjectKey) -> None:
        missing = [use for use in uses_of(self._newest.get(key)) if not self._is_provided(use.need)]
        unknown = {use.need.host for use in missing if not use.need.subset}
        told = (use for use in missing if not use.need.subset or use.need.host not in unknown)
        waits = self._held.get(key) is not None
        findings = (missing_finding(key, use, self._keeper(use.need), waits=waits) for use in told)
        self._findings.set(key, tuple(findings) or None)

    def _keeper(self, need: Need) -> ConfigObject | None:
        found = (self._held.get(key) for key in self._candidates(need))
        return next((item for item in found if offers(item, need)), None)


def _users_of(host: str, users: KeysByHost) -> Iterable[ObjectKey]:
    """The VirtualServices that need something of this host, which may be a wildcard."""
    if not is_wildcard(host):
        return users.get(host, ())
    return chain.from_iterable(keys for used, keys in users.items() if host_matches(host, used))


def _hosts_needed(item: ConfigObject | None) -> AbstractSet[str]:
    return {use.need.host for use in uses_of(item)}


def _buckets(item: ConfigObject | None) -> AbstractSet[str]:
    return {_WILDCARD if is_wildcard(host) else host for host in hosts_of(item)}
