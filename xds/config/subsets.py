"""A VirtualService takes effect when the subsets that it sends traffic to exist.

Routes and subsets are written in different objects, which arrive in either order, and a route to a subset that is not
there fails every request. The rules:

- While the newest version of a VirtualService uses a subset that no DestinationRule defines, the version that was in
  force stays. The newest takes its place as soon as it lacks nothing.
- A version that lacks something takes effect if there was none before, or if the one before lacks something too.
- DestinationRules never wait: nobody's route keeps another's rule from changing.

A subset exists if any rule of the mesh for its host defines it, whether the client at hand may see that rule or not.

Pure: `Subsets` is immutable, and `Subsets.update` gives the next one, at the cost of what changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import chain

from xds.config.drafts import Draft, SetDraft, ShardedDraft
from xds.config.objects import ConfigObject, Objects
from xds.config.subset_uses import SubsetUse, subset_uses
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.hosts import host_matches, is_wildcard
from xds.model.objects import ObjectKey
from xds.model.policy import DestinationRule
from xds.model.routing import VirtualService

_WILDCARD = "*"

KeysByHost = Mapping[str, AbstractSet[ObjectKey]]


@dataclass(frozen=True, slots=True, eq=False)
class Subsets:
    """Which VirtualServices wait for subsets, and what has to be known to tell.

    newest: every object in its newest version. held: by key, what is in force instead of the newest. changed: the
    objects that the last update put in force, replaced or took out of it. rules: the DestinationRules for each host,
    those for wildcards under ``*``. users: the VirtualServices that use subsets of each host. findings: what there is
    to say about each VirtualService.
    """

    newest: Objects = field(default_factory=dict)
    held: Objects = field(default_factory=dict)
    changed: frozenset[ObjectKey] = frozenset()
    rules: KeysByHost = field(default_factory=dict)
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
        """Every subset that is missing, ordered by VirtualService."""
        return tuple(chain.from_iterable(self.findings[key] for key in sorted(self.findings)))

    def in_force(self, key: ObjectKey) -> ConfigObject | None:
        """The object in force with this key."""
        return self.held.get(key) or self.newest.get(key)

    def update(self, newest: Objects, changed: Collection[ObjectKey]) -> Subsets:
        """After ``changed`` were added, replaced or removed, which makes ``newest``."""
        return _Update(self, newest, changed).run()


class _Update:
    """One step from `Subsets` to the next."""

    def __init__(self, before: Subsets, newest: Objects, changed: Collection[ObjectKey]) -> None:
        self._before = before
        self._newest = newest
        self._pairs = [(key, before.newest.get(key), newest.get(key)) for key in changed]
        self._held = Draft(before.held)
        self._findings = Draft(before.findings)
        self._rules, ruled = self._enter_rules()
        self._users, routes = self._enter_routes()
        self._concerned = routes | self._users_of(ruled)

    def run(self) -> Subsets:
        for key in self._concerned:
            self._decide(key)
        held = self._held.done()
        candidates = self._concerned.union(key for key, _, _ in self._pairs)
        changed = (k for k in candidates if (held.get(k) or self._newest.get(k)) is not self._before.in_force(k))
        return Subsets(self._newest, held, frozenset(changed), self._rules, self._users, self._findings.done())

    def _enter_rules(self) -> tuple[KeysByHost, set[str]]:
        """The rules by host, and the hosts of those that changed."""
        draft = SetDraft(self._before.rules)
        hosts: set[str] = set()
        for key, old, new in self._pairs:
            if isinstance(old, DestinationRule):
                draft.discard(_bucket(old), key)
                hosts.add(old.host)
            if isinstance(new, DestinationRule):
                draft.add(_bucket(new), key)
                hosts.add(new.host)
        return draft.done(), hosts

    def _enter_routes(self) -> tuple[KeysByHost, set[ObjectKey]]:
        """The users by host, and the VirtualServices that changed."""
        draft = SetDraft(self._before.users)
        routes: set[ObjectKey] = set()
        for key, old, new in self._pairs:
            for host in _hosts_used(old):
                draft.discard(host, key)
            for host in _hosts_used(new):
                draft.add(host, key)
            if isinstance(old, VirtualService) or isinstance(new, VirtualService):
                routes.add(key)
        return draft.done(), routes

    def _users_of(self, hosts: Iterable[str]) -> set[ObjectKey]:
        """The VirtualServices that use subsets of these hosts, of which some may be wildcards."""
        found: set[ObjectKey] = set()
        for host in hosts:
            if is_wildcard(host):
                found.update(*(keys for used, keys in self._users.items() if host_matches(host, used)))
            else:
                found.update(self._users.get(host, ()))
        return found

    def _decide(self, key: ObjectKey) -> None:
        newest, current = self._newest.get(key), self._before.in_force(key)
        missing = self._missing(newest)
        waits = missing and current is not None and current is not newest and not self._missing(current)
        self._held.set(key, current if waits else None)
        self._findings.set(key, tuple(_finding(key, use, waits=bool(waits)) for use in missing) or None)

    def _missing(self, item: ConfigObject | None) -> list[SubsetUse]:
        return [use for use in subset_uses(item) if not self._exists(use)] if isinstance(item, VirtualService) else []

    def _exists(self, use: SubsetUse) -> bool:
        candidates = chain(self._rules.get(use.host, ()), self._rules.get(_WILDCARD, ()))
        return any(_defines(self._newest[key], use) for key in candidates)


def _defines(rule: ConfigObject, use: SubsetUse) -> bool:
    return (
        isinstance(rule, DestinationRule)
        and host_matches(rule.host, use.host)
        and any(subset.name == use.subset for subset in rule.subsets)
    )


def _bucket(rule: DestinationRule) -> str:
    return _WILDCARD if is_wildcard(rule.host) else rule.host


def _hosts_used(item: ConfigObject | None) -> set[str]:
    return {use.host for use in subset_uses(item)} if isinstance(item, VirtualService) else set()


def _finding(key: ObjectKey, use: SubsetUse, *, waits: bool) -> Diagnostic:
    outcome = "the version before stays in force until one does" if waits else "what is routed to it fails"
    reason = f"no DestinationRule defines the subset {use.subset} of {use.host}: {outcome}"
    return Diagnostic(Severity.WARNING, use.origin, reason, key, use.path, "unknown-subset")
