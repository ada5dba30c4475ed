"""Where streams get their snapshots: the contract, and the simplest source that fulfils it.

A publisher never waits on a stream. It calls ``wake`` and is done; the stream asks for the latest snapshot when it
comes to it, and whatever was published between is skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from xds.model.proxy import Proxy
from xds.resources import Snapshot


class Subscription(Protocol):
    """One stream's view of a source."""

    def latest(self) -> Snapshot | None:
        """What the proxy should have now; None while that is not known yet. The same object as long as it is equal."""

    def close(self) -> None:
        """The stream has ended: ``wake`` must not be called any more."""


class SnapshotSource(Protocol):
    """Knows what every proxy should have."""

    def connect(self, proxy: Proxy, wake: Callable[[], None]) -> Subscription:
        """A stream of this proxy has begun.

        wake: to be called, in the event loop's thread, whenever `Subscription.latest` may have changed. It returns at
        once and may be called any number of times.
        """


class BroadcastSource:
    """A source that gives every proxy the same snapshot."""

    def __init__(self, snapshot: Snapshot | None = None) -> None:
        self._snapshot = snapshot
        self._wakes: dict[object, Callable[[], None]] = {}

    def publish(self, snapshot: Snapshot) -> None:
        """From now on this is what every proxy should have."""
        self._snapshot = snapshot
        for wake in tuple(self._wakes.values()):
            wake()

    def connect(self, proxy: Proxy, wake: Callable[[], None]) -> Subscription:
        subscription = _BroadcastSubscription(self)
        self._wakes[subscription] = wake
        return subscription

    def latest(self) -> Snapshot | None:
        return self._snapshot

    def disconnect(self, subscription: Subscription) -> None:
        self._wakes.pop(subscription, None)


class _BroadcastSubscription:
    def __init__(self, source: BroadcastSource) -> None:
        self._source = source

    def latest(self) -> Snapshot | None:
        return self._source.latest()

    def close(self) -> None:
        self._source.disconnect(self)
