"""What WasmPlugin and TrafficExtension share: for which workloads and traffic they are, and where they stand."""

from __future__ import annotations

from typing import Final

from xds.config.kinds.honoured import with_prefixes
from xds.config.reader import Reader
from xds.model.extensions import Extension, Lua, PluginPhase, TrafficSelector, Wasm, WorkloadMode

KUBERNETES_GATEWAYS: Final = "gateway.networking.k8s.io"
_UNSPECIFIED: Final = ("UNSPECIFIED", "UNSPECIFIED_PHASE")
_TARGET: Final = "group kind name"

EXTENSION_FIELDS: Final = with_prefixes(
    {
        "spec": "selector.matchLabels phase priority match.mode match.ports.number",
        "spec.targetRefs": _TARGET,
    }
)
"""The fields that `parse_extension` reads in either kind."""

ONE_TARGET: Final = with_prefixes({"spec.targetRef": _TARGET})
"""What only a WasmPlugin has."""


def parse_extension(spec: Reader, action: Lua | Wasm) -> Extension:
    """The extension; with an error in ``spec`` it must not be used."""
    phase = spec.text("phase", "UNSPECIFIED")
    return Extension(
        meta=spec.raw.meta,
        action=action,
        selector=spec.section("selector").labels("matchLabels"),
        gateways=_gateways(spec),
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


def _gateways(spec: Reader) -> tuple[str, ...] | None:
    """Targets are instead of a selector. What is aimed at anything but a Gateway has no effect on proxies as they are
    here: Istio knows Services, ServiceEntries and GatewayClasses as targets of waypoints only."""
    one = spec.child("targetRef")
    targets = [*([one] if one is not None else []), *spec.items("targetRefs")]
    names = tuple(target.text("name") for target in targets if _is_gateway(target))
    return names if targets else None


def _is_gateway(target: Reader) -> bool:
    if (target.text("group"), target.text("kind")) == (KUBERNETES_GATEWAYS, "Gateway"):
        return True
    reason = f"only a Gateway of {KUBERNETES_GATEWAYS} can be a target here: anything else is for Istio's waypoints"
    target.warning("kind", reason, "no-effect")
    return False
