"""One change and how far it has come. Bounded: a change that concerns very many counts them all and lists some."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from xds.app.store import ChangedObject, Publication
from xds.model.objects import ObjectKey
from xds.model.proxy import Proxy
from xds.resources import TypeUrl

MAX_LISTED = 100
"""Objects, and proxies that accepted or rejected, that a change lists; the rest is only counted."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """That part of a change was rejected, by a proxy or before it got there.

    proxy: its whole node id; name: ``name.namespace``. reason: in Envoy's words. resources: the names of those that it
    rejected. objects: those they were made from, and where these are written. at: epoch seconds. in_preflight: that the
    proxy was not even sent it.
    """

    proxy: str
    name: str
    type_url: TypeUrl
    reason: str
    resources: tuple[str, ...]
    objects: tuple[ChangedObject, ...]
    at: float
    in_preflight: bool = False

    def is_like(self, other: Rejection) -> bool:
        """Whether the two differ in nothing but the proxy and the time."""
        return replace(self, proxy=other.proxy, name=other.name, at=other.at) == other


@dataclass(slots=True)
class Acks:
    """How many there were, and the epoch seconds of the first and the last."""

    count: int = 0
    first: float | None = None
    last: float | None = None

    def add(self, at: float) -> None:
        """One more."""
        self.count += 1
        self.first = at if self.first is None else self.first
        self.last = at


@dataclass(slots=True, eq=False)
class Change:
    """A publication and what became of it.

    changed: the keys of all objects that it changed; objects: the first of them. Times are epoch seconds, see
    `Publication`. fold_seconds: spent on reading it; compile_seconds: on compiling it for the proxies. affected: the
    proxies whose snapshot it changed. acks: of proxies that accepted all of it; by type in ``types``.
    is_summed_up: whether its first and last acceptance have been measured.
    """

    generation: int
    seen_at: float
    at: float
    fold_seconds: float
    changed: frozenset[ObjectKey]
    objects: tuple[ChangedObject, ...]
    compile_seconds: float = 0.0
    affected: int = 0
    acks: Acks = field(default_factory=Acks)
    types: dict[TypeUrl, Acks] = field(default_factory=dict)
    acked: dict[str, float] = field(default_factory=dict)
    rejected: int = 0
    rejections: list[Rejection] = field(default_factory=list)
    is_summed_up: bool = False

    @staticmethod
    def of(publication: Publication) -> Change:
        """The change that has just been published."""
        return Change(
            publication.generation,
            publication.seen_at,
            publication.at,
            publication.seconds,
            publication.changed,
            publication.objects[:MAX_LISTED],
        )

    def ack_type(self, type_url: TypeUrl, at: float) -> None:
        """A proxy accepted its part of this type."""
        acks = self.types.get(type_url)
        if acks is None:
            acks = self.types[type_url] = Acks()
        acks.add(at)

    def ack(self, proxy: Proxy, at: float) -> None:
        """A proxy has accepted all of it."""
        self.acks.add(at)
        if len(self.acked) < MAX_LISTED:
            self.acked[str(proxy)] = at

    def reject(self, rejection: Rejection) -> None:
        """A proxy rejected part of it."""
        self.rejected += 1
        if len(self.rejections) < MAX_LISTED:
            self.rejections.append(rejection)
