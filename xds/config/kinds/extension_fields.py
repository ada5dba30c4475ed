"""What WasmPlugin and TrafficExtension share: for which workloads and traffic they are, and where they stand."""

from __future__ import annotations

from typing import Final

from xds.config.kinds.honoured import with_prefixes
from xds.config.kinds.targets import TARGET_FIELDS, parse_gateways
from xds.config.reader import Reader
from xds.model.extensions import Extension, Lua, PluginPhase, TrafficSelector, Wasm, WorkloadMode

_UNSPECIFIED: Final = ("UNSPECIFIED", "UNSPECIFIED_PHASE")

EXTENSION_FIELDS: Final = with_prefixes(
    {
        "spec": "selector.matchLabels phase priority match.mode match.ports.number",
        "spec.targetRefs": TARGET_FIELDS,
    }
)
"""The fields that `parse_extension` reads in either kind."""

ONE_TARGET: Final = with_prefixes({"spec.targetRef": TARGET_FIELDS})
"""What only a WasmPlugin has."""


def parse_extension(spec: Reader, action: Lua | Wasm) -> Extension:
    """The extension; with an error in ``spec`` it must not be used."""
    phase = spec.text("phase", "UNSPECIFIED")
    return Extension(
        meta=spec.raw.meta,
        action=action,
        selector=spec.section("selector").labels("matchLabels"),
        gateways=parse_gateways(spec),
        phase=PluginPhase.UNSPECIFIED if phase in _UNSPECIFIED else PluginPhase(phase),
        priority=spec.integer("priority"),
        match=tuple(_selector(reader) for reader in spec.items("match")),
    )


def _selector(reader: Reader) -> TrafficSelector:
    mode = reader.text("mode", "UNDEFINED")
    return TrafficSelector(
        mode=WorkloadMode.CLIENT_AND_SERVER if mode == "UNDEFINED" else WorkloadMode(mode),
        ports=tuple(sorted({port.integer("number") for port in reader.items("ports")})),
    )
