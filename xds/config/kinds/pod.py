"""Pod: one instance that Kubernetes runs (Kubernetes ``core/v1 Pod``)."""

from __future__ import annotations

from typing import Final

from xds.config.document import RawObject
from xds.config.kinds.honoured import with_prefixes
from xds.config.kinds.kind import Context, Kind
from xds.config.kinds.proxy_annotation import parse_proxy_annotation
from xds.config.kinds.result import result
from xds.config.kinds.workload_fields import NETWORK_LABEL, locality_of
from xds.config.reader import Reader
from xds.config.scalars import parse_ip
from xds.model.diagnostic import Diagnostic
from xds.model.services import Health, Workload

_DEFAULT_SERVICE_ACCOUNT: Final = "default"
_OVER: Final = ("Succeeded", "Failed")

HONOURED = with_prefixes(
    {
        "spec": "serviceAccountName",
        "spec.containers": "ports.name ports.containerPort ports.protocol",
        "spec.initContainers": "ports.name ports.containerPort ports.protocol",
        "status": "phase podIP podIPs.ip conditions.type conditions.status",
    }
)

TOLERATED = with_prefixes(
    {
        "spec": "nodeName hostNetwork hostname subdomain",
        "spec.containers": "name",
        "spec.initContainers": "name",
    }
)
"""Every Pod that a cluster gives has these, and none changes where its workload is found."""


def parse(raw: RawObject, context: Context) -> tuple[Workload | None, tuple[Diagnostic, ...]]:
    """The workload of a document; see :class:`~xds.config.kinds.kind.Kind`.

    A Pod that has no address yet, or that has ended, is no workload.
    """
    root = Reader(raw)
    spec, status = root.section("spec"), root.section("status")
    address = _address(status)
    if not address or status.text("phase") in _OVER:
        return result(root, None)
    workload = Workload(
        meta=raw.meta,
        address=address,
        labels=raw.meta.labels,
        service_account=spec.text("serviceAccountName", _DEFAULT_SERVICE_ACCOUNT),
        ports=_ports(spec),
        locality=locality_of(raw.meta.labels),
        network=raw.meta.labels.get(NETWORK_LABEL, ""),
        health=_health(raw, status),
        proxy=parse_proxy_annotation(root),
    )
    return result(root, workload)


def _address(status: Reader) -> str:
    """The primary address: Kubernetes repeats it as the first of ``podIPs``."""
    if status.text("podIP"):
        return status.parsed("podIP", _ip, "")
    listed = status.items("podIPs")
    return listed[0].parsed("ip", _ip, "") if listed else ""


def _ip(text: str) -> str:
    return str(parse_ip(text))


def _ports(spec: Reader) -> dict[str, int]:
    """Named ports. Kubernetes looks them up in the order of the containers; sidecars may be init containers."""
    ports: dict[str, int] = {}
    for container in (*spec.items("containers"), *spec.items("initContainers")):
        for port in container.items("ports"):
            name = port.text("name")
            if name and port.text("protocol", "TCP") == "TCP":
                ports.setdefault(name, port.integer("containerPort"))
    return ports


def _health(raw: RawObject, status: Reader) -> Health:
    """Kubernetes: ready by its Ready condition; one that is being deleted is draining. Unknown counts as ready."""
    if raw.metadata.get("deletionTimestamp") is not None:
        return Health.DRAINING
    ready = next((each.text("status") for each in status.items("conditions") if each.text("type") == "Ready"), "True")
    return Health.HEALTHY if ready == "True" else Health.UNHEALTHY


KIND = Kind(name="Pod", group="", versions=("v1",), honoured=HONOURED, parse=parse, tolerated=TOLERATED)
