"""Which endpoints of a Service its clients prefer: Kubernetes ``trafficDistribution``, Istio's annotation for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xds.config.reader import Reader
from xds.model.locality import LocalityLbSetting

ANNOTATION: Final = "networking.istio.io/traffic-distribution"
"""What Istio's own annotation says goes before the field."""

_NETWORK: Final = "topology.istio.io/network"
_NEAR: Final = (
    _NETWORK,
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
    "topology.istio.io/subzone",
)
_PREFERENCES: Final[Mapping[str, tuple[str, ...]]] = {
    "any": (),
    "preferclose": _NEAR,
    "prefersamezone": _NEAR,
    "prefersamenode": (*_NEAR, "kubernetes.io/hostname"),
    "prefersamenetwork": (_NETWORK,),
}
"""In lower case, as Istio does not tell cases apart: the labels in which an endpoint should agree with its client."""


def parse_traffic_distribution(root: Reader, spec: Reader) -> LocalityLbSetting | None:
    """The setting that stands for it; None if all endpoints are alike."""
    annotation = root.raw.meta.annotations.get(ANNOTATION, "")
    text = annotation or spec.text("trafficDistribution")
    labels = _PREFERENCES.get(text.lower(), ()) if text else ()
    if text and text.lower() not in _PREFERENCES:
        reader, path = (
            (root, ("metadata", "annotations", ANNOTATION)) if annotation else (spec, ("trafficDistribution",))
        )
        known = "PreferClose, PreferSameZone, PreferSameNode, PreferSameNetwork, Any"
        reader.warning(path, f"{text[:60]!r} is none of {known}: it has no effect", "no-effect")
    return LocalityLbSetting(failover_priority=labels, always=True) if labels else None
