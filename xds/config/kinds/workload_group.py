"""WorkloadGroup: what the workloads have in common that register themselves by their proxies (Istio ``WorkloadGroup``).

The probe is for the agents beside the workloads, which look at them and tell.
"""

from __future__ import annotations

from xds.config.document import RawObject
from xds.config.kinds.honoured import with_prefixes
from xds.config.kinds.kind import ISTIO_NETWORKING, ISTIO_NETWORKING_VERSIONS, Context, Kind
from xds.config.kinds.probe_fields import PROBE_FIELDS, parse_probe
from xds.config.kinds.result import result
from xds.config.kinds.workload_fields import parse_ports
from xds.config.reader import Reader
from xds.model.diagnostic import Diagnostic
from xds.model.services import Locality
from xds.model.workload_groups import WorkloadGroup

HONOURED = with_prefixes(
    {
        "spec.metadata": "labels annotations",
        "spec.template": "ports labels network locality weight serviceAccount",
        "spec.probe": PROBE_FIELDS,
    }
)


def parse(raw: RawObject, context: Context) -> tuple[WorkloadGroup | None, tuple[Diagnostic, ...]]:
    """The group of a document; see :class:`~xds.config.kinds.kind.Kind`."""
    root = Reader(raw)
    spec = root.section("spec")
    template, metadata = spec.section("template"), spec.section("metadata")
    group = WorkloadGroup(
        meta=raw.meta,
        labels=metadata.labels("labels"),
        annotations=metadata.labels("annotations"),
        template_labels=template.labels("labels"),
        ports=parse_ports(template),
        locality=Locality.parse(template.text("locality")),
        network=template.text("network"),
        weight=template.integer("weight"),
        service_account=template.text("serviceAccount"),
        probe=parse_probe(spec.section("probe")),
    )
    return result(root, group)


KIND = Kind(
    name="WorkloadGroup",
    group=ISTIO_NETWORKING,
    versions=ISTIO_NETWORKING_VERSIONS,
    honoured=HONOURED,
    parse=parse,
)
