"""What a client subscribes to in one type.

State of the world: every request lists all names. Delta: requests add and take away. In both, ``*`` means everything,
and so does an empty first request for a listener, cluster or scoped route ("legacy wildcard"), until a name or ``*``
is ever given.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from typing import NamedTuple

from xds.resources import CLUSTER, LISTENER, Resource, ResourceSet, TypeUrl
from xds.resources.names import canonical_names, collection_of
from xds.resources.types import SCOPED_ROUTE

WILDCARD = "*"
LEGACY_WILDCARD_TYPES = frozenset({LISTENER, CLUSTER, SCOPED_ROUTE})


class Change(NamedTuple):
    """What a request asks for anew. names: to be answered one by one. everything: the wildcard was asked for."""

    names: tuple[str, ...]
    everything: bool

    def __bool__(self) -> bool:
        return bool(self.names) or self.everything


Share = Callable[[dict[str, None]], Mapping[str, None]]
"""Names to the same names, as one object for all streams that ask for just these."""


class Interest:
    """The names, and whether everything else is wanted too.

    implied: names of resources that the client asked for in another way than by their names. globs: those of the names
    that stand for all resources of a collection. names: never changed in place, as streams share them.
    """

    __slots__ = ("_explicit", "_legacy", "_share", "globs", "implied", "names", "wildcard")

    def __init__(self, type_url: TypeUrl, share: Share = lambda names: names) -> None:
        self._legacy = type_url in LEGACY_WILDCARD_TYPES
        self._share = share
        self._explicit = False
        self.names: Mapping[str, None] = {}
        self.globs: frozenset[str] = frozenset()
        self.implied: dict[str, None] = {}
        self.wildcard = False

    def covers(self, name: str) -> bool:
        return self.wildcard or name in self.names or (bool(self.implied or self.globs) and name in self)

    def __contains__(self, name: object) -> bool:
        """What is covered without the wildcard."""
        if name in self.names or name in self.implied:
            return True
        return isinstance(name, str) and collection_of(name) in self.globs

    @property
    def named(self) -> Container[str]:
        """What is covered without the wildcard. Usually a dict, as this is asked very often."""
        return self if self.implied or self.globs else self.names

    @property
    def wildcard_only(self) -> bool:
        return self.wildcard and not self.names

    def replace(self, names: Iterable[str]) -> Change:
        """A state-of-the-world request's list of names, whose order and repetitions mean nothing."""
        names = tuple(names)
        if self._explicit and not self.wildcard and names == tuple(self.names):
            return Change((), everything=False)
        wanted, globs = canonical_names(names)
        self._explicit = self._explicit or bool(wanted)
        wildcard = WILDCARD in wanted if self._explicit else self._legacy
        wanted.pop(WILDCARD, None)
        change = Change(tuple(name for name in wanted if name not in self.names), wildcard and not self.wildcard)
        self.names, self.wildcard, self.globs = self._share(wanted), wildcard, globs
        return change

    def begin(self, subscribe: Iterable[str]) -> Change:
        """The first delta request of a stream for this type."""
        names = tuple(subscribe)
        if not names and self._legacy:
            names = (WILDCARD,)
        return self.change(names, ())

    def change(self, subscribe: Iterable[str], unsubscribe: Iterable[str]) -> Change:
        """A later delta request. A name that the wildcard still covers is answered when it is unsubscribed."""
        gone = canonical_names(unsubscribe).unique
        self.globs = self.globs.difference(gone)
        if WILDCARD in gone:
            self.wildcard = False
        let_go = [name for name in gone if name in self.names]
        wanted, globs = canonical_names(subscribe)
        everything = WILDCARD in wanted
        wanted.pop(WILDCARD, None)
        self.wildcard = self.wildcard or everything
        if wanted or let_go:
            kept = (name for name in self.names if name not in gone)
            self.names = self._share({**dict.fromkeys(kept), **wanted} if self.names else wanted)
        self.globs |= globs
        still_covered = [name for name in let_go if self.wildcard and name not in wanted]
        return Change((*wanted, *still_covered), everything)

    def select(self, resources: ResourceSet) -> tuple[Resource, ...]:
        """What is covered of a set without the wildcard, each once, in the order of the names."""
        found = {name: resource for name in self.names if (resource := resources.get(name))}
        for glob in self.globs:
            found.update((resource.name, resource) for resource in resources.collections.get(glob, ()))
        return tuple(found.values())
