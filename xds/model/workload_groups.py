"""Workloads that are alike, and what becomes of one that registers itself (Istio ``WorkloadGroup``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from xds.model.labels import EMPTY_LABELS, Labels
from xds.model.objects import ObjectMeta
from xds.model.probes import Probe
from xds.model.services import UNKNOWN_LOCALITY, Locality


@dataclass(frozen=True, slots=True)
class WorkloadGroup:
    """What the workloads of a group have in common.

    labels, annotations: of their objects. template_labels: labels that count less. ports: by name. weight: 0 means
    unset. probe: by which agents find out whether they are healthy; None: they count as healthy.
    """

    meta: ObjectMeta
    labels: Labels = EMPTY_LABELS
    annotations: Labels = EMPTY_LABELS
    template_labels: Labels = EMPTY_LABELS
    ports: Mapping[str, int] = field(default_factory=dict)
    locality: Locality = UNKNOWN_LOCALITY
    network: str = ""
    weight: int = 0
    service_account: str = ""
    probe: Probe | None = None
