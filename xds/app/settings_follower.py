"""The MeshConfig of a running control plane, in force whenever its file changes."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import structlog

from xds.app.store import Publication, Store
from xds.config.kinds.mesh_config import parse_mesh_config
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.objects import Origin
from xds.model.settings import MeshSettings
from xds.sources.batch import Batch
from xds.sources.files import FileSource

_log = structlog.get_logger("xds.app")


def federated(settings: MeshSettings, trust_domains: Collection[str]) -> MeshSettings:
    """With the trust domains that are federated, which are no part of a MeshConfig."""
    return replace(settings, federated_trust_domains=tuple(trust_domains))


class SettingsFollower:
    """What is wrong with a MeshConfig leaves the one before in force."""

    def __init__(
        self, file: Path, store: Store, trust_domains: Collection[str], applied: Callable[[Publication | None], None]
    ) -> None:
        """trust_domains: that are federated. applied: is told after each look at the file, with what is in force then,
        or None if that is as before."""
        self._file = file
        self._store = store
        self._trust_domains = trust_domains
        self._applied = applied
        self._source = FileSource(file.parent, only=file)
        self._found: tuple[Diagnostic, ...] = ()

    async def run(self) -> None:
        """Follows the file until cancelled."""
        async with aclosing(self._source.changes()) as batches:
            async for batch in batches:
                self._configure(batch)

    def _configure(self, batch: Batch) -> None:
        settings = None
        if batch.changed:
            settings, self._found = _read(batch)
        if settings is not None:
            settings = federated(settings, self._trust_domains)
        published = self._store.configure(settings, batch.problems + self._found)
        if published:
            _log.info("mesh settings applied", generation=published.generation, file=str(self._file))
        self._applied(published)


def _read(batch: Batch) -> tuple[MeshSettings | None, tuple[Diagnostic, ...]]:
    """The settings in the one file of a batch, None if those before are to stay, and what is to be said."""
    for file, text in batch.changed.items():
        if text is None:
            reason = "is gone; the settings that it had stay in force"
            return None, (Diagnostic(Severity.WARNING, Origin(file, 1), reason, code="unreadable"),)
        settings, found = parse_mesh_config(text, file)
        return (None if any(each.severity is Severity.ERROR for each in found) else settings), found
    return None, ()
