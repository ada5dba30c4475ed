"""Targets of a policy: Gateways of the Kubernetes Gateway API that it is attached to instead of having a selector."""

from __future__ import annotations

from typing import Final

from xds.config.kinds.honoured import with_prefixes
from xds.config.reader import Reader

KUBERNETES_GATEWAYS: Final = "gateway.networking.k8s.io"
_TARGET: Final = "group kind name"

TARGETS: Final = with_prefixes({"spec.targetRefs": _TARGET})
"""The fields that `parse_targets` reads."""

ONE_TARGET: Final = with_prefixes({"spec.targetRef": _TARGET})
"""What older kinds have besides."""


def parse_targets(spec: Reader) -> tuple[str, ...] | None:
    """The names of the Gateways; None without targets.

    What is aimed at anything but a Gateway has no effect on proxies as they are here: Istio knows Services,
    ServiceEntries and GatewayClasses as targets of waypoints only.
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
