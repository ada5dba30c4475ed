"""The one writer: holds the configuration in force, and gives every proxy its snapshot of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xds.config.configuration import Configuration
from xds.config.yaml import ParsedFile, parse_documents
from xds.model.diagnostic import Diagnostic
from xds.model.mesh import Mesh
from xds.model.objects import ObjectKey, Origin
from xds.model.proxy import Proxy
from xds.model.settings import MeshSettings
from xds.pipeline import Compiled, Pipeline, TranslatorError
from xds.resources import Snapshot
from xds.sources.batch import Batch

_MAX_REPORTED = 1000
"""Errors remembered so that each is told once; then telling starts anew."""

OnError = Callable[[Proxy, TranslatorError], None]


@dataclass(frozen=True, slots=True)
class Publication:
    """What one batch of changes did. generation: how many batches have been applied. at: epoch seconds."""

    generation: int
    at: float
    changed: frozenset[ObjectKey]
    diagnostics: tuple[Diagnostic, ...]


class Store:
    """Mutable, and the only thing that is; for use in one thread. A `SnapshotSource` for the server.

    clock: gives epoch seconds. on_error: is told of a translator's error the first time that it occurs.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        settings: MeshSettings,
        clock: Callable[[], float],
        on_error: OnError = lambda proxy, error: None,
    ) -> None:
        self._pipeline = pipeline
        self._configuration = Configuration().with_settings(settings)
        self._clock = clock
        self._on_error = on_error
        self._reported: set[tuple[str, str]] = set()
        self._unreadable: tuple[Diagnostic, ...] = ()
        self._subscriptions: dict[int, _Subscription] = {}
        self.published: Publication | None = None

    @property
    def mesh(self) -> Mesh:
        """What is in force."""
        return self._configuration.mesh

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Everything there is to say about the configuration now."""
        return self._unreadable + self._configuration.diagnostics

    def apply(self, batch: Batch) -> Publication:
        """Puts a batch of changes in force and wakes every stream."""
        self._configuration = self._configuration.apply(
            {file: self._parsed(file, text) for file, text in batch.changed.items()}
        )
        self._unreadable = batch.problems
        generation = self.published.generation + 1 if self.published else 1
        self.published = Publication(generation, self._clock(), self._configuration.changed, self.diagnostics)
        for subscription in tuple(self._subscriptions.values()):
            subscription.wake()
        return self.published

    def _parsed(self, file: str, text: str | None) -> ParsedFile | None:
        if text is None:
            return None
        previous = self._configuration.ledger.files.get(file)
        return parse_documents(text, file, previous.parsed if previous else None)

    def compile(self, proxy: Proxy) -> Compiled:
        """What ``proxy`` should have now. Costs little if nothing that concerns it has changed."""
        compiled = self._pipeline.compile(self.mesh, proxy)
        for error in compiled.errors[:_MAX_REPORTED]:
            if len(self._reported) >= _MAX_REPORTED:
                self._reported.clear()
            if (error.translator, error.reason) not in self._reported:
                self._reported.add((error.translator, error.reason))
                self._on_error(proxy, error)
        return compiled

    def locate(self, key: ObjectKey) -> Origin | None:
        """Where the object in force with this key is written."""
        meta = self.mesh.objects.get(key)
        return meta.origin if meta else None

    def connect(self, proxy: Proxy, wake: Callable[[], None]) -> _Subscription:
        """A stream of ``proxy`` has begun; see `xds.server.SnapshotSource`."""
        subscription = _Subscription(self, proxy, wake)
        self._subscriptions[id(subscription)] = subscription
        return subscription

    def disconnect(self, subscription: _Subscription) -> None:
        """The stream has ended."""
        self._subscriptions.pop(id(subscription), None)

    def tidy(self) -> int:
        """Forgets compiled results that no connected proxy uses; returns how many. To be called now and then."""
        proxies = [subscription.proxy for subscription in self._subscriptions.values()]
        return self._pipeline.tidy(self.mesh, proxies) if self.published else 0


class _Subscription:
    """One stream's view of the store."""

    def __init__(self, store: Store, proxy: Proxy, wake: Callable[[], None]) -> None:
        self._store = store
        self.proxy = proxy
        self.wake = wake

    def latest(self) -> Snapshot | None:
        """The proxy's snapshot; None until the configuration has been read for the first time."""
        return self._store.compile(self.proxy).snapshot if self._store.published else None

    def close(self) -> None:
        self._store.disconnect(self)
