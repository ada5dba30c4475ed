"""The whole of this package in one value: files in, a Mesh and diagnostics out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from xds.config.build import Fold, rebuild
from xds.config.dependencies import Dependencies
from xds.config.fetched import Fetched
from xds.config.kinds.kind import Context
from xds.config.ledger import Ledger
from xds.config.yaml import ParsedFile
from xds.model.diagnostic import Diagnostic
from xds.model.mesh import Mesh
from xds.model.objects import ObjectKey
from xds.model.settings import MeshSettings


@dataclass(frozen=True, slots=True, eq=False)
class Configuration:
    """What all files say at one moment.

    Immutable: each change gives the next Configuration, whose Mesh shares every unchanged part with this one's. Start
    with ``Configuration()``, which is empty. ledger: what is written; dependencies: what of it is in force; fold: what
    that makes. changed: the objects that the last change put in force, replaced or took out of it.
    """

    ledger: Ledger = field(default_factory=Ledger)
    dependencies: Dependencies = field(default_factory=Dependencies)
    fold: Fold = field(default_factory=Fold)
    changed: frozenset[ObjectKey] = frozenset()

    @property
    def mesh(self) -> Mesh:
        """What is in force."""
        return self.fold.mesh

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Everything there is to say now: by file and line, then what only the whole configuration shows."""
        return self.ledger.diagnostics + self.dependencies.diagnostics + self.fold.diagnostics

    def apply(self, changes: Mapping[str, ParsedFile | None]) -> Configuration:
        """After files changed. changes: by path, the file as it is now, or None if it is gone."""
        return self._with(self.ledger.update(changes), self.mesh.settings)

    def with_settings(self, settings: MeshSettings) -> Configuration:
        """With other settings for the mesh. Documents are read again only if their meaning depends on what changed."""
        context = Context(
            settings.domain_suffix,
            settings.root_namespace,
            settings.service_export_to,
            settings.virtual_service_export_to,
            settings.destination_rule_export_to,
        )
        ledger = self.ledger if context == self.ledger.context else self.ledger.in_context(context)
        return self._with(ledger, settings)

    @property
    def fetched(self) -> Fetched:
        """What there is of what documents name."""
        return Fetched(self.mesh.modules, self.mesh.key_sets)

    def with_fetched(self, fetched: Fetched) -> Configuration:
        """With what there is now of what documents name."""
        fold = rebuild(self.fold, self.dependencies.objects, (), self.mesh.settings, fetched)
        return replace(self, fold=fold, changed=frozenset())

    def _with(self, ledger: Ledger, settings: MeshSettings) -> Configuration:
        if ledger is self.ledger:
            fold = rebuild(self.fold, self.dependencies.objects, (), settings, self.fetched)
            return replace(self, fold=fold, changed=frozenset())
        dependencies = self.dependencies.update(ledger.objects, ledger.changed)
        fold = rebuild(self.fold, dependencies.objects, dependencies.changed, settings, self.fetched)
        return Configuration(ledger, dependencies, fold, dependencies.changed)
