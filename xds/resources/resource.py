"""One encoded resource."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple

from xds.model import objects
from xds.resources.names import canonical
from xds.resources.types import TypeUrl


class Reference(NamedTuple):
    """That a resource names another which the client subscribes to because of it: a cluster its endpoints, a listener
    its routes. After the resource is sent, the referenced one must be sent again (the warming rule)."""

    type_url: TypeUrl
    name: str


class Source(NamedTuple):
    """A place in the configuration: an object, or a part of it, such as ``("spec", "http", 0)``."""

    object: objects.ObjectKey
    path: tuple[str | int, ...] = ()


Rules = tuple[Source | None, ...]


def _no_rules() -> Rules:
    return ()


class PatchedBy(NamedTuple):
    """That something in a part was put there, or changed, by an EnvoyFilter. what: its name; source: the patch."""

    what: str
    source: Source


class PartSources(NamedTuple):
    """Where a part of a resource comes from: a virtual host of a RouteConfiguration, a filter chain of a Listener.

    origins: the objects behind it. find_rules: gives `rules`, which are seldom asked for. patched: what EnvoyFilters
    did with it.
    """

    origins: tuple[objects.ObjectKey, ...] = ()
    find_rules: Callable[[], Rules] = _no_rules
    patched: tuple[PatchedBy, ...] = ()

    @property
    def rules(self) -> Rules:
        """Of a virtual host, where each of its routes comes from, None where nobody wrote it; of a filter chain, the
        rule that it is for, if any, and the servers of Gateways."""
        return self.find_rules()

    @staticmethod
    def of_rules(*rules: Source) -> PartSources:
        """Of a filter chain that these ask for."""
        return PartSources(tuple(dict.fromkeys(rule.object for rule in rules)), lambda: rules)


NO_SOURCES = PartSources()


@dataclass(frozen=True, slots=True, eq=False)
class Resource:
    """A resource, encoded once and never changed. Compare versions, not objects.

    body: the message's own bytes, without an ``Any`` around them; in no representation, as it may be a secret. version:
    depends on the content alone, see `content_version`. origins: the configuration objects it was made from, the most
    telling first; may repeat. A NACK is reported against them. ttl: how long a client keeps it without hearing of it
    again; None: for ever. aliases: further names under which a client may ask for it. parts: where its virtual hosts or
    filter chains come from, in their order, the default chain last; empty if that is not known. instead: what a client
    is sent that rejects this and has no earlier version; None: nothing.
    """

    type_url: TypeUrl
    name: str
    body: bytes = field(repr=False)
    version: str
    references: tuple[Reference, ...] = ()
    origins: tuple[objects.ObjectKey, ...] = ()
    ttl: timedelta | None = None
    aliases: tuple[str, ...] = ()
    parts: tuple[PartSources, ...] = ()
    instead: Resource | None = None

    @staticmethod
    def of(
        type_url: TypeUrl,
        name: str,
        body: bytes,
        references: tuple[Reference, ...] = (),
        origins: tuple[objects.ObjectKey, ...] = (),
        ttl: timedelta | None = None,
        aliases: tuple[str, ...] = (),
        parts: tuple[PartSources, ...] = (),
        instead: Resource | None = None,
    ) -> Resource:
        """A resource whose version is the hash of its body, and of TTL and aliases, which a client must know too.

        Raises ValueError for a TTL that is not positive.
        """
        if ttl is not None and ttl <= timedelta():
            raise ValueError(f"the TTL of {name!r} is {ttl}; it must be positive")
        content = body if ttl is None and not aliases else b"".join((body, repr((ttl, aliases)).encode()))
        version = content_version(content)
        return Resource(type_url, canonical(name), body, version, references, origins, ttl, aliases, parts, instead)


def content_version(body: bytes) -> str:
    """16 hex characters that depend on nothing but the content: the same on every replica and after every restart."""
    return hashlib.blake2b(body, digest_size=8).hexdigest()
