"""TrafficExtension: Lua code, or a WebAssembly module, in the way of the traffic (Istio ``TrafficExtension``)."""

from __future__ import annotations

from xds.config.document import RawObject
from xds.config.kinds.extension_fields import EXTENSION_FIELDS, parse_extension
from xds.config.kinds.kind import ISTIO_EXTENSIONS, ISTIO_EXTENSIONS_VERSIONS, Context, Kind
from xds.config.kinds.result import result
from xds.config.kinds.wasm_fields import parse_wasm, wasm_fields
from xds.config.reader import Reader
from xds.model.diagnostic import Diagnostic
from xds.model.extensions import Extension, Lua

HONOURED = EXTENSION_FIELDS | {"spec.lua.inlineCode"} | wasm_fields("spec.wasm")


def parse(raw: RawObject, context: Context) -> tuple[Extension | None, tuple[Diagnostic, ...]]:
    """The TrafficExtension of a document; see :class:`~xds.config.kinds.kind.Kind`."""
    root = Reader(raw)
    spec = root.section("spec")
    lua = spec.child("lua")
    action = Lua(lua.text("inlineCode")) if lua is not None else parse_wasm(spec.section("wasm"))
    return result(root, parse_extension(spec, action))


KIND = Kind(
    name="TrafficExtension",
    group=ISTIO_EXTENSIONS,
    versions=ISTIO_EXTENSIONS_VERSIONS,
    honoured=HONOURED,
    parse=parse,
)
