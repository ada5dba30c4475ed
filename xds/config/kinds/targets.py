"""``targetRef`` and ``targetRefs``: the Gateways that an object is for, instead of workloads that it selects."""

from __future__ import annotations

from typing import Final

from xds.config.reader import Reader

KUBERNETES_GATEWAYS: Final = "gateway.networking.k8s.io"

TARGET_FIELDS: Final = "group kind name"
"""The honoured fields of a target, for a list of them."""


def parse_gateways(spec: Reader) -> tuple[str, ...] | None:
    """The names of the Gateways; None if no target is named.

    What is aimed at anything else has no effect on proxies as they are here: Istio knows Services, ServiceEntries and
    GatewayClasses as targets of waypoints only.
    """
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
