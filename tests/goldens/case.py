"""A golden case: a folder with documents, and what a stage makes of them.

``config/<case>/input.yaml`` -> ``mesh.json``, ``diagnostics.txt``;
``translate/<case>/input.yaml`` (with ``proxy.yaml``) -> one file for each type of resource, and ``diagnostics.txt``;
``bootstrap/<case>/`` with any of these inputs -> ``bootstrap.json``, and ``diagnostics.txt``.
``mesh-config.yaml`` beside the input gives the settings, ``module.wat`` every Wasm module that is wanted. What stands
in ``{{...}}`` in an input is a credential, see `tests.goldens.credentials`. Everything else in a case's folder is an
orphan.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any

import yaml

from tests.goldens.credentials import identity_secrets, with_credentials
from tests.wasm import module
from translators import DEFAULT
from xds.app.bootstrap import DEFAULT_ADMIN_PORT, bootstrap
from xds.app.bootstrap_tls import AgentTls
from xds.app.offline import Offline, defaults_of
from xds.app.proxy_spec import ProxySpec
from xds.app.render import static_config
from xds.config.kinds.mesh_config import parse_mesh_config
from xds.model.credentials import Sealed
from xds.model.diagnostic import Diagnostic
from xds.model.labels import Labels
from xds.model.mesh import Mesh
from xds.model.proxy import CaptureMode, ProxyType
from xds.model.settings import MeshSettings
from xds.sources.batch import Batch

ROOT = Path(__file__).parent
INPUTS = frozenset({"input.yaml", "proxy.yaml", "mesh-config.yaml", "module.wat"})


@dataclass(frozen=True)
class Case:
    """One folder.

    stage: ``config``, ``translate`` or ``bootstrap``. edited: by name, what inputs have instead of their text.
    """

    stage: str
    folder: Path
    edited: Mapping[str, str] = field(default_factory=dict, compare=False)

    def __str__(self) -> str:
        return f"{self.stage}/{self.folder.name}"

    def outputs(self) -> dict[str, str]:
        """What the stage makes of the input now: by file name, its text."""
        return _STAGES[self.stage](self)

    def static_config(self) -> str:
        """The case's resources as a complete Envoy configuration; a bootstrap is one."""
        if self.stage == "bootstrap":
            return self.outputs()["bootstrap.json"]
        proxy = self._proxy()
        rendered = self._read()[0].render(proxy)
        if proxy.mtls:  # a running proxy is sent these; without an answer Envoy cannot even check who asks
            rendered["secrets"] = identity_secrets()
        return json.dumps(static_config(rendered, with_secrets=proxy.mtls))

    @property
    def for_envoy(self) -> bool:
        """Whether the resources are for an Envoy, not for a gRPC client."""
        return not self._proxy().proxyless

    def orphans(self) -> list[Path]:
        """Files that neither are inputs nor belong to the outputs."""
        known = INPUTS | self.outputs().keys()
        return [path for path in sorted(self.folder.iterdir()) if path.name not in known]

    def text(self, name: str) -> str:
        """An input, with credentials in place; empty if the case has none of this name."""
        path = self.folder / name
        return self.edited.get(name, with_credentials(path.read_text()) if path.exists() else "")

    def _read(self) -> tuple[Offline, tuple[Diagnostic, ...]]:
        text = self.text("mesh-config.yaml")
        named = str(self.folder / "mesh-config.yaml")
        settings, diagnostics = parse_mesh_config(text, named) if text else (MeshSettings(), ())
        offline = Offline(settings, DEFAULT)
        found = offline.take(Batch({str(self.folder / "input.yaml"): self.text("input.yaml")}))
        if self.text("module.wat"):
            wasm = module(self.text("module.wat"))
            offline.store.supply(modules=dict.fromkeys(offline.store.wanted, wasm))
            found = offline.store.diagnostics
        return offline, diagnostics + found

    def _given(self) -> dict[str, Any]:
        """What is said of the proxy."""
        given: dict[str, Any] = yaml.safe_load(self.text("proxy.yaml")) or {}  # of the test's own
        return given

    def _proxy(self) -> ProxySpec:
        given = self._given()
        return ProxySpec(
            name=given.get("name", "client"),
            namespace=given.get("namespace", "default"),
            ip=given.get("ip", "10.0.0.1"),
            type=ProxyType.ROUTER if given.get("type") == "gateway" else ProxyType.SIDECAR,
            capture=CaptureMode(given.get("capture", "redirect")),
            labels={key: str(value) for key, value in given.get("labels", {}).items()},
            locality=given.get("locality", ""),
            proxyless=given.get("type") == "grpc",
            mtls=bool(given.get("mtls")),
            sds_from_agent=bool(given.get("sds_from_agent")),
            more_ips=tuple(given.get("more_ips", ())),
            workload_group=given.get("workload_group", ""),
            probed=bool(given.get("probed")),
        )

    def _config(self) -> dict[str, str]:
        offline, diagnostics = self._read()
        return {
            "mesh.json": _text(_mesh(offline.store.mesh)).replace(str(self.folder), "."),
            "diagnostics.txt": self._lines(diagnostics),
        }

    def _translate(self) -> dict[str, str]:
        offline, diagnostics = self._read()
        before = offline.findings
        rendered = offline.render(self._proxy())
        diagnostics += tuple(found for found in offline.findings if found not in before)
        sections = {f"{section}.json": _text(documents) for section, documents in rendered.items() if documents}
        return {**sections, "diagnostics.txt": self._lines(diagnostics)} if diagnostics else sections

    def _bootstrap(self) -> dict[str, str]:
        offline, diagnostics = self._read()
        proxy = self._proxy()
        defaults = defaults_of(proxy, offline.store.mesh)
        admin_port = defaults.admin_port or DEFAULT_ADMIN_PORT
        patches, socket = offline.bootstrap_patches(proxy), self._given().get("agent_socket")
        tls = AgentTls(socket) if socket else None
        made = {"bootstrap.json": _text(bootstrap(proxy, "127.0.0.1:15010", admin_port, defaults, patches, tls=tls))}
        return {**made, "diagnostics.txt": self._lines(diagnostics)} if diagnostics else made

    def _lines(self, diagnostics: tuple[Diagnostic, ...]) -> str:
        return "".join(f"{diagnostic}\n" for diagnostic in diagnostics).replace(f"{self.folder}/", "")


_STAGES: Mapping[str, Callable[[Case], dict[str, str]]] = {
    "config": Case._config,
    "translate": Case._translate,
    "bootstrap": Case._bootstrap,
}


def cases(root: Path = ROOT) -> Iterator[Case]:
    """Every case, ordered."""
    for stage in sorted(_STAGES):
        for path in sorted(path for path in (root / stage).iterdir() if path.is_dir()):
            yield Case(stage, path)


def _text(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _mesh(mesh: Mesh) -> object:
    """The Mesh as plain values, what is empty or at its default left out."""
    parts = {each.name: getattr(mesh, each.name) for each in fields(mesh) if each.name not in ("objects", "settings")}
    settings = {each.name: getattr(mesh.settings, each.name) for each in fields(mesh.settings)}
    chosen = {name: value for name, value in settings.items() if value != getattr(MeshSettings(), name)}
    return {name: _plain(part) for name, part in {"settings": chosen, **parts}.items() if part}


def _plain(value: object) -> object:
    match value:
        case Enum():
            return value.value
        case Sealed() | datetime():
            return str(value)
        case timedelta():
            return f"{value.total_seconds():g}s"
        case bytes():
            return value.decode("latin-1")
        case Labels():
            return dict(value)
        case Mapping():
            return {_key(key): _plain(item) for key, item in sorted(value.items(), key=lambda pair: str(pair[0]))}
        case tuple() if hasattr(value, "_fields"):
            return _key(value)
        case tuple() | list():
            return [_plain(item) for item in value]
        case _ if is_dataclass(value) and not isinstance(value, type):
            return {f.name: _plain(getattr(value, f.name)) for f in fields(value) if _tells(value, f.name)}
        case _:
            return value


def _key(key: object) -> str:
    if type(key).__str__ is not tuple.__str__ and not isinstance(key, str):
        return str(key)
    return "/".join(map(str, key)) if isinstance(key, tuple) else str(key)


_PLACES = ("origin", "place", "provider_place", "place_of_lists", "credential_place", "credential_places")
_NOTHING: tuple[object, ...] = (None, "", (), {}, Labels())


def _tells(value: object, name: str) -> bool:
    item = getattr(value, name)
    return name not in _PLACES and not any(item is nothing or item == nothing for nothing in _NOTHING)
