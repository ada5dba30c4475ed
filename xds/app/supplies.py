"""What the configuration names and somebody has to fetch: Wasm modules, and the keys of issuers of tokens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog

from xds.app.key_metrics import KeyMetrics
from xds.app.store import Publication, Store
from xds.model.extensions import Modules
from xds.model.request_authentication import KeySets
from xds.sources.following import Pace
from xds.sources.keys.cache import KeyCache
from xds.sources.keys.source import KeySource
from xds.sources.modules.cache import ModuleCache
from xds.sources.modules.source import ModuleSource

_log = structlog.get_logger("xds.app")


class Supplies:
    """Puts them in force as they are fetched; nothing else waits for them."""

    def __init__(
        self,
        store: Store,
        cache: Path,
        jwks_refresh: float,
        metrics: KeyMetrics,
        supplied: Callable[[Publication | None], None],
    ) -> None:
        """cache: the folder in which they are kept. jwks_refresh: seconds. supplied: is told after each fetch, with
        what is in force now, or None if that is the same as before."""
        self._store = store
        self._metrics = metrics
        self._supplied = supplied
        self._modules = ModuleSource(ModuleCache(cache / "modules"))
        self._keys = KeySource(KeyCache(cache / "jwks"), metrics, Pace(again=jwks_refresh))

    def want(self) -> None:
        """Fetches what the configuration names now."""
        self._modules.want(self._store.wanted)
        self._want_keys()

    async def run(self) -> None:
        """Fetches until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._modules.run(self._supply_modules))
            tasks.create_task(self._keys.run(self._supply_keys))

    def _supply_modules(self, modules: Modules) -> None:
        published = self._store.supply(modules=modules)
        if published:
            _log.info("modules applied", generation=published.generation, modules=len(modules))
            self._modules.want(self._store.wanted)
        self._supplied(published)

    def _supply_keys(self, key_sets: KeySets) -> None:
        published = self._store.supply(key_sets=key_sets)
        if published:
            _log.info("keys applied", generation=published.generation, issuers=len(key_sets))
        self._want_keys()
        self._supplied(published)

    def _want_keys(self) -> None:
        wanted = self._store.wanted_keys
        self._keys.want(wanted)
        self._metrics.known(wanted, self._store.mesh.key_sets)
