"""Pilothouse as a library: what a program needs to embed the control plane and to write translators.

Everything in ``__all__`` is public and is imported from here: ``from xds import Pipeline, Translator, add, patch``.
The names are loaded when they are first used, so that importing one package of ours does not load all of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from xds.version import __version__

if TYPE_CHECKING:
    from xds.app.store import Store
    from xds.config.configuration import Configuration
    from xds.config.kinds.mesh_config import parse_mesh_config
    from xds.config.node import parse_node
    from xds.config.yaml import parse_documents
    from xds.model.diagnostic import Diagnostic, Severity
    from xds.model.mesh import Mesh
    from xds.model.objects import ObjectKey, Origin
    from xds.model.proxy import CaptureMode, Proxy, ProxyType
    from xds.model.settings import MeshSettings
    from xds.model.view import ProxyView
    from xds.pipeline.compile import Compiled, Pipeline, TranslatorError
    from xds.pipeline.contribution import Contribution, Direction, HttpFilterPart, Phase, RouteOverride
    from xds.pipeline.memo import Memo
    from xds.pipeline.translator import Translator, add, guard, patch
    from xds.resources.resource import Resource
    from xds.resources.snapshot import ResourceSet, Snapshot
    from xds.server.server import XdsServer
    from xds.server.source import BroadcastSource, SnapshotSource, Subscription
    from xds.server.status import StatusBoard
    from xds.sources.batch import Batch
    from xds.sources.files import FileSource
    from xds.wire.encode import encode, pack_any
    from xds.wire.protojson import to_json

_HOMES = {
    "Batch": "xds.sources.batch",
    "BroadcastSource": "xds.server.source",
    "CaptureMode": "xds.model.proxy",
    "Compiled": "xds.pipeline.compile",
    "Configuration": "xds.config.configuration",
    "Contribution": "xds.pipeline.contribution",
    "Diagnostic": "xds.model.diagnostic",
    "Direction": "xds.pipeline.contribution",
    "FileSource": "xds.sources.files",
    "HttpFilterPart": "xds.pipeline.contribution",
    "Memo": "xds.pipeline.memo",
    "Mesh": "xds.model.mesh",
    "MeshSettings": "xds.model.settings",
    "ObjectKey": "xds.model.objects",
    "Origin": "xds.model.objects",
    "Phase": "xds.pipeline.contribution",
    "Pipeline": "xds.pipeline.compile",
    "Proxy": "xds.model.proxy",
    "ProxyType": "xds.model.proxy",
    "ProxyView": "xds.model.view",
    "Resource": "xds.resources.resource",
    "ResourceSet": "xds.resources.snapshot",
    "RouteOverride": "xds.pipeline.contribution",
    "Severity": "xds.model.diagnostic",
    "Snapshot": "xds.resources.snapshot",
    "SnapshotSource": "xds.server.source",
    "StatusBoard": "xds.server.status",
    "Store": "xds.app.store",
    "Subscription": "xds.server.source",
    "Translator": "xds.pipeline.translator",
    "TranslatorError": "xds.pipeline.compile",
    "XdsServer": "xds.server.server",
    "add": "xds.pipeline.translator",
    "encode": "xds.wire.encode",
    "guard": "xds.pipeline.translator",
    "pack_any": "xds.wire.encode",
    "parse_documents": "xds.config.yaml",
    "parse_mesh_config": "xds.config.kinds.mesh_config",
    "parse_node": "xds.config.node",
    "patch": "xds.pipeline.translator",
    "to_json": "xds.wire.protojson",
}

__all__ = [
    "Batch",
    "BroadcastSource",
    "CaptureMode",
    "Compiled",
    "Configuration",
    "Contribution",
    "Diagnostic",
    "Direction",
    "FileSource",
    "HttpFilterPart",
    "Memo",
    "Mesh",
    "MeshSettings",
    "ObjectKey",
    "Origin",
    "Phase",
    "Pipeline",
    "Proxy",
    "ProxyType",
    "ProxyView",
    "Resource",
    "ResourceSet",
    "RouteOverride",
    "Severity",
    "Snapshot",
    "SnapshotSource",
    "StatusBoard",
    "Store",
    "Subscription",
    "Translator",
    "TranslatorError",
    "XdsServer",
    "__version__",
    "add",
    "encode",
    "guard",
    "pack_any",
    "parse_documents",
    "parse_mesh_config",
    "parse_node",
    "patch",
    "to_json",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
