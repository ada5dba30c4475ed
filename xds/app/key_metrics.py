"""Metrics about the keys of the issuers of tokens. Names are istiod's where it has them."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge

from xds.model.request_authentication import KeySet, KeySets, KeysReference


class KeyMetrics:
    """Counts attempts, and who has no keys now."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._good = Counter(
            "pilot_jwks_resolver_network_fetch_success", "Key sets fetched from issuers of tokens.", registry=registry
        )
        self._bad = Counter(
            "pilot_jwks_resolver_network_fetch_fail", "Key sets that could not be fetched.", registry=registry
        )
        self._without = Gauge(
            "pilothouse_jwks_unavailable",
            "Key sets that could not be had so far.",
            registry=registry,
        )

    def fetched(self, *, good: bool) -> None:
        """Keys were had, or not."""
        (self._good if good else self._bad).inc()

    def known(self, wanted: Iterable[KeysReference], key_sets: KeySets) -> None:
        """What is known of what is wanted."""
        self._without.set(sum(not isinstance(key_sets.get(reference), KeySet) for reference in wanted))
