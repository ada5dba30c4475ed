"""WasmPlugin: a WebAssembly module in the way of the traffic (Istio ``WasmPlugin``)."""

from __future__ import annotations

from xds.config.document import RawObject
from xds.config.kinds.extension_fields import EXTENSION_FIELDS, ONE_TARGET, parse_extension
from xds.config.kinds.kind import ISTIO_EXTENSIONS, ISTIO_EXTENSIONS_VERSIONS, Context, Kind
from xds.config.kinds.result import result
from xds.config.kinds.wasm_fields import parse_wasm, wasm_fields
from xds.config.reader import Reader
from xds.model.diagnostic import Diagnostic
from xds.model.extensions import Extension

HONOURED = EXTENSION_FIELDS | ONE_TARGET | wasm_fields("spec")


def parse(raw: RawObject, context: Context) -> tuple[Extension | None, tuple[Diagnostic, ...]]:
    """The WasmPlugin of a document; see :class:`~xds.config.kinds.kind.Kind`."""
    root = Reader(raw)
    spec = root.section("spec")
    return result(root, parse_extension(spec, parse_wasm(spec)))


KIND = Kind(
    name="WasmPlugin",
    group=ISTIO_EXTENSIONS,
    versions=ISTIO_EXTENSIONS_VERSIONS,
    honoured=HONOURED,
    parse=parse,
)
