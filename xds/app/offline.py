"""The control plane without a server: read once, compile, show."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from xds.app.errors import StartError
from xds.app.modules import modules_on_this_machine
from xds.app.proxy_spec import ProxySpec
from xds.app.render import Document, render
from xds.app.store import Store
from xds.config.node import parse_node
from xds.model.diagnostic import Diagnostic
from xds.model.envoy_filters import ConfigPatch
from xds.model.labels import Labels
from xds.model.mesh import Mesh
from xds.model.proxy import Proxy
from xds.model.proxy_config import with_proxy_configs
from xds.model.proxy_settings import ProxyDefaults
from xds.model.services import Locality
from xds.model.settings import MeshSettings
from xds.pipeline import Memo, Pipeline, Translator, TranslatorError
from xds.pipeline.overrides import override_of
from xds.pipeline.selection import bootstrap_patches
from xds.sources.batch import Batch
from xds.sources.files import FileSource, read_file


class Offline:
    """Reads configuration and answers what a proxy would receive."""

    def __init__(self, settings: MeshSettings, translators: Sequence[Translator]) -> None:
        self.store = Store(Pipeline(translators), settings, clock=lambda: 0.0, on_error=_print_error)

    def read(self, paths: Iterable[Path]) -> tuple[Diagnostic, ...]:
        """Takes in folders and files; gives all findings, ordered. Raises StartError for a path that is neither."""
        batch = Batch()
        for path in paths:
            batch = _merged(batch, _scan(path))
        return self.take(batch)

    def take(self, batch: Batch) -> tuple[Diagnostic, ...]:
        """Takes in what was read; gives all findings, ordered."""
        self.store.apply(batch)
        if self.store.wanted:
            self.store.supply(modules=modules_on_this_machine(self.store.wanted))
        return self.findings

    @property
    def findings(self) -> tuple[Diagnostic, ...]:
        """All there is to say now, ordered: also of what patches do, once a proxy has been rendered."""
        return tuple(sorted(self.store.diagnostics, key=lambda d: (d.origin, d.path, d.reason)))

    def render(self, spec: ProxySpec, *, show_secrets: bool = False) -> dict[str, list[Document]]:
        """What the proxy would receive, by section. show_secrets: with private keys and passwords."""
        return render(self.store.compile(proxy_of(spec, self.store.mesh)).snapshot, show_secrets=show_secrets)

    def bootstrap_patches(self, spec: ProxySpec) -> tuple[ConfigPatch, ...]:
        """What EnvoyFilters change of how the proxy starts."""
        mesh = self.store.mesh
        return bootstrap_patches(mesh.envoy_filters, mesh.settings.root_namespace, proxy_of(spec, mesh), Memo())


def defaults_of(spec: ProxySpec, mesh: Mesh) -> ProxyDefaults:
    """What the mesh says of how the proxy starts."""
    root, override = mesh.settings.root_namespace, override_of(mesh, (spec.ip,))
    return with_proxy_configs(
        mesh.settings.proxy, mesh.proxy_configs, spec.namespace, Labels(spec.labels), root, override
    )


def proxy_of(spec: ProxySpec, mesh: Mesh) -> Proxy:
    """The proxy that an Envoy with this mesh's bootstrap is to the server. Raises ValueError for an impossible one."""
    metadata = {**defaults_of(spec, mesh).metadata, **spec.metadata}
    proxy = parse_node(spec.node_id, metadata, Locality.parse(spec.locality))
    return replace(proxy, identity=spec.identity(mesh.settings.trust_domain))


def _scan(path: Path) -> Batch:
    if path.is_dir():
        return FileSource(path).scan()
    if not path.exists():
        raise StartError(f"{path} does not exist")
    return read_file(path)


def _merged(one: Batch, other: Batch) -> Batch:
    return Batch({**one.changed, **other.changed}, one.problems + other.problems)


def _print_error(proxy: Proxy, error: TranslatorError) -> None:
    print(f"error  {error.translator}: {error.reason}\n{error.details}", file=sys.stderr)
