"""The one writer: holds the configuration in force, and gives every proxy its snapshot of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import is_
from typing import NamedTuple, Protocol

from xds.app.patch_findings import patch_findings
from xds.config.configuration import Configuration
from xds.config.document import RawObject
from xds.config.fetched import Fetched
from xds.config.yaml import ParsedFile, parse_documents
from xds.model.diagnostic import Diagnostic
from xds.model.extensions import ModuleReference, Modules
from xds.model.mesh import Mesh
from xds.model.objects import ObjectKey, Origin
from xds.model.proxy import Proxy
from xds.model.request_authentication import KeySets, KeysReference
from xds.model.settings import MeshSettings
from xds.model.view import ViewKey
from xds.pipeline import Compiled, Pipeline, TranslatorError, key_inputs
from xds.pipeline.envoyfilter.outcome import NOTHING_PATCHED
from xds.resources import Snapshot
from xds.sources.batch import Batch

_MAX_REPORTED = 1000
"""Errors remembered so that each is told once; then telling starts anew."""

_MAX_VIEWS = 1000
"""Views whose patches are looked at for findings."""

OnError = Callable[[Proxy, TranslatorError], None]


class ChangedObject(NamedTuple):
    """An object that a change added, replaced or removed. origin: where it is written, or was."""

    key: ObjectKey
    origin: Origin | None
    in_force: bool


@dataclass(frozen=True, slots=True)
class Publication:
    """What one batch of changes did.

    generation: how many batches have been applied. seen_at: when the source saw the change; at: when it was in force;
    both epoch seconds. seconds: how long it took to read and fold it. objects: what it changed, by key.
    """

    generation: int
    seen_at: float
    at: float
    seconds: float
    changed: frozenset[ObjectKey]
    objects: tuple[ChangedObject, ...]
    diagnostics: tuple[Diagnostic, ...]


class Observer(Protocol):
    """Is told what the store publishes, and when each stream takes it. Must return at once."""

    def published(self, publication: Publication) -> None:
        """A change is in force; no stream has been woken for it yet."""

    def taken(self, proxy: Proxy, before: Snapshot | None, after: Snapshot, seconds: float, at: float) -> None:
        """A stream of ``proxy`` (that very object) has another snapshot than before; None before its first.

        seconds: what it took to compile, next to nothing if another proxy has the same. at: epoch seconds.
        """


class Store:
    """Mutable, and the only thing that is; for use in one thread. A `SnapshotSource` for the server.

    clock: gives epoch seconds. on_error: is told of a translator's error the first time that it occurs. observers: are
    told of every change and who took it. on_findings: is told when there may be something else to say about patches.
    unreadable: what the source cannot read at present.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        settings: MeshSettings,
        clock: Callable[[], float],
        on_error: OnError = lambda proxy, error: None,
        observers: Iterable[Observer] = (),
        on_findings: Callable[[], None] = lambda: None,
    ) -> None:
        self._pipeline = pipeline
        self._configuration = Configuration().with_settings(settings)
        self._clock = clock
        self._on_error = on_error
        self._observers = tuple(observers)
        self._reported: set[tuple[str, str]] = set()
        self.unreadable: tuple[Diagnostic, ...] = ()
        self._of_settings: tuple[Diagnostic, ...] = ()
        self._subscriptions: dict[int, _Subscription] = {}
        self._in_force: dict[int, Compiled] = {}
        self._on_findings = on_findings
        self._patched: dict[ViewKey, Compiled] = {}
        self._of_patches: tuple[Diagnostic, ...] | None = ()
        self.published: Publication | None = None

    @property
    def mesh(self) -> Mesh:
        """What is in force."""
        return self._configuration.mesh

    @property
    def configuration(self) -> Configuration:
        """All that it is made from; immutable, so that other threads may read it."""
        return self._configuration

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Everything there is to say about the configuration now."""
        if self._of_patches is None:
            self._of_patches = patch_findings(self._patched.values())
        return self.unreadable + self._of_settings + self._configuration.diagnostics + self._of_patches

    def apply(self, batch: Batch, seen_at: float | None = None) -> Publication:
        """Puts a batch of changes in force and wakes every stream. seen_at: when the source saw it; None: now."""
        began, before = time.perf_counter(), self.mesh
        self._configuration = self._configuration.apply(
            {file: self._parsed(file, text) for file, text in batch.changed.items()}
        )
        self.unreadable = batch.problems
        return self._publish(before, began, self._clock() if seen_at is None else seen_at)

    def configure(
        self, settings: MeshSettings | None, findings: tuple[Diagnostic, ...], seen_at: float | None = None
    ) -> Publication | None:
        """Puts other settings for the mesh in force; with None those that are stay. findings: all that is to be said.

        None if nothing comes of it, or if the configuration has not been read yet: then it will be read with them.
        """
        began, before = time.perf_counter(), self.mesh
        self._of_settings = findings
        if settings is None or settings == before.settings:
            return None
        self._configuration = self._configuration.with_settings(settings)
        if self.published is None:
            return None
        return self._publish(before, began, self._clock() if seen_at is None else seen_at)

    @property
    def wanted(self) -> frozenset[ModuleReference]:
        """The Wasm modules that the configuration needs."""
        return self._configuration.fold.extensions.wanted

    @property
    def wanted_keys(self) -> frozenset[KeysReference]:
        """The keys of issuers that it needs and does not have."""
        return self._configuration.fold.authentications.wanted

    def supply(self, *, modules: Modules | None = None, key_sets: KeySets | None = None) -> Publication | None:
        """Puts in force what is known now of what the configuration needs; None: what was known before.

        None if the configuration has not been read yet.
        """
        began, before = time.perf_counter(), self.mesh
        known = self._configuration.fetched
        fetched = Fetched(
            known.modules if modules is None else modules, known.key_sets if key_sets is None else key_sets
        )
        self._configuration = self._configuration.with_fetched(fetched)
        return self._publish(before, began, self._clock()) if self.published is not None else None

    def _publish(self, before: Mesh, began: float, seen: float) -> Publication:
        self._in_force.clear()
        changed = self._configuration.changed
        self.published = published = Publication(
            generation=self.published.generation + 1 if self.published else 1,
            seen_at=seen,
            at=self._clock(),
            seconds=time.perf_counter() - began,
            changed=changed,
            objects=tuple(_changed_object(key, before, self.mesh) for key in sorted(changed)),
            diagnostics=self.diagnostics,
        )
        for observer in self._observers:
            observer.published(published)
        for subscription in tuple(self._subscriptions.values()):
            subscription.wake()
        return published

    def _parsed(self, file: str, text: str | None) -> ParsedFile | None:
        if text is None:
            return None
        previous = self._configuration.ledger.files.get(file)
        return parse_documents(text, file, previous.parsed if previous else None)

    def compile(self, proxy: Proxy) -> Compiled:
        """What ``proxy`` should have now. Costs little if nothing that concerns it has changed."""
        return self._compile(proxy, self._pipeline.key(self.mesh, proxy))

    def _compile(self, proxy: Proxy, key: ViewKey) -> Compiled:
        compiled = self._pipeline.compile_view(self.mesh, key)
        for error in compiled.errors[:_MAX_REPORTED]:
            if len(self._reported) >= _MAX_REPORTED:
                self._reported.clear()
            if (error.translator, error.reason) not in self._reported:
                self._reported.add((error.translator, error.reason))
                self._on_error(proxy, error)
        self._remember_patches(key, compiled)
        return compiled

    def _remember_patches(self, key: ViewKey, compiled: Compiled) -> None:
        before = self._patched.pop(key, None)
        if compiled.patching is not NOTHING_PATCHED and len(self._patched) < _MAX_VIEWS:
            self._patched[key] = compiled
        if (before.patching if before else NOTHING_PATCHED) != compiled.patching:
            self._of_patches = None
            self._on_findings()

    def key(self, proxy: Proxy) -> ViewKey:
        """See `Pipeline.key`."""
        return self._pipeline.key(self.mesh, proxy)

    def take(self, proxy: Proxy, key: ViewKey, before: Snapshot | None) -> Snapshot:
        """The snapshot of a stream of ``proxy`` that had ``before``. All streams with one key look it up."""
        began = time.perf_counter()
        compiled = self._in_force.get(id(key))
        if compiled is None:
            compiled = self._in_force[id(key)] = self._compile(proxy, key)
        after = compiled.snapshot
        if after is not before:
            seconds, now = time.perf_counter() - began, self._clock()
            for observer in self._observers:
                observer.taken(proxy, before, after, seconds, now)
        return after

    def locate(self, key: ObjectKey) -> Origin | None:
        """Where the object in force with this key is written."""
        meta = self.mesh.objects.get(key)
        return meta.origin if meta else None

    def waits(self, key: ObjectKey) -> bool:
        """Whether the newest version of an object is not in force yet, because it needs something that is not there."""
        return self._configuration.dependencies.waits(key)

    def document(self, key: ObjectKey) -> RawObject | None:
        """The document of the object in force with this key; None if what is written is another, or nothing now."""
        origin = self.locate(key)
        file = self._configuration.ledger.files.get(origin.file) if origin is not None else None
        objects = file.parsed.objects if file is not None else ()
        return next((raw for raw in objects if raw.key == key and raw.origin == origin), None)

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
        self._in_force.clear()
        used = {self._pipeline.key(self.mesh, proxy) for proxy in proxies} if self._patched else set()
        for key in self._patched.keys() - used:
            del self._patched[key]
            self._of_patches = None
        return self._pipeline.tidy(self.mesh, proxies) if self.published else 0


class _Subscription:
    """One stream's view of the store."""

    def __init__(self, store: Store, proxy: Proxy, wake: Callable[[], None]) -> None:
        self._store = store
        self.proxy = proxy
        self.wake = wake
        self._snapshot: Snapshot | None = None
        self._key: ViewKey | None = None
        self._key_inputs: tuple[object, ...] = ()

    def latest(self) -> Snapshot | None:
        """The proxy's snapshot; None until the configuration has been read for the first time."""
        if not self._store.published:
            return None
        self._snapshot = self._store.take(self.proxy, self._current_key(), self._snapshot)
        return self._snapshot

    def _current_key(self) -> ViewKey:
        """Worked out anew only when what it depends on is: with many streams that takes longer than all else here."""
        inputs = key_inputs(self._store.mesh)
        if self._key is None or not all(map(is_, inputs, self._key_inputs)):
            self._key_inputs = inputs
            self._key = self._store.key(self.proxy)
        return self._key

    def close(self) -> None:
        self._store.disconnect(self)


def _changed_object(key: ObjectKey, before: Mesh, after: Mesh) -> ChangedObject:
    now = after.objects.get(key)
    meta = now or before.objects.get(key)
    return ChangedObject(key, meta.origin if meta else None, now is not None)
