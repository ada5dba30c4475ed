"""WorkloadEntry: one instance that no Kubernetes runs (Istio ``WorkloadEntry``)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from xds.config.document import RawObject
from xds.config.kinds.honoured import dotted
from xds.config.kinds.kind import ISTIO_NETWORKING, ISTIO_NETWORKING_VERSIONS, Context, Kind
from xds.config.kinds.result import result
from xds.config.kinds.workload_fields import WORKLOAD_ENTRY_FIELDS, parse_workload_entry
from xds.config.reader import Reader
from xds.model.diagnostic import Diagnostic
from xds.model.labels import Labels
from xds.model.services import Health, Workload

PROBED: Final = "proxy.istio.io/health-checks-enabled"
"""The annotation of a workload whose health somebody looks at, with the outcome in its status."""

_HEALTHY: Final = "Healthy"


def parse(raw: RawObject, context: Context) -> tuple[Workload | None, tuple[Diagnostic, ...]]:
    """The workload of a document; see :class:`~xds.config.kinds.kind.Kind`.

    The object's own labels count too, and win over those in the spec, as in Istio.
    """
    root = Reader(raw)
    workload = parse_workload_entry(root.section("spec"), raw.meta)
    if raw.meta.labels:
        workload = replace(workload, labels=Labels({**workload.labels, **raw.meta.labels}))
    if not _is_healthy(raw):
        workload = replace(workload, health=Health.UNHEALTHY)
    return result(root, workload if workload.address else None)


def _is_healthy(raw: RawObject) -> bool:
    """What its status says. One that is being probed is not healthy before that is known, as in Istio."""
    status = raw.document.get("status")
    conditions = status.get("conditions") if isinstance(status, dict) else None
    known = (each for each in conditions if isinstance(each, dict)) if isinstance(conditions, list) else ()
    found = next((each.get("status") for each in known if each.get("type") == _HEALTHY), None)
    return found == "True" if found is not None else raw.meta.annotations.get(PROBED, "").lower() != "true"


KIND = Kind(
    name="WorkloadEntry",
    group=ISTIO_NETWORKING,
    versions=ISTIO_NETWORKING_VERSIONS,
    honoured=dotted("spec", WORKLOAD_ENTRY_FIELDS),
    parse=parse,
)
