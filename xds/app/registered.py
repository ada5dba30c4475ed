"""The WorkloadEntry of a workload that registers itself in a group: as a document, like any other."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from xds.config.kinds.workload_entry import PROBED
from xds.model.proxy import Proxy
from xds.model.workload_groups import WorkloadGroup

_GROUP: Final = "istio.io/autoRegistrationGroup"


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of a workload's health. problem: why it is not healthy, empty if it is."""

    problem: str = ""


def entry_name(proxy: Proxy) -> str:
    """Istio: group, address and network."""
    parts = (proxy.group, proxy.ip_addresses[0].replace(":", "-"), proxy.network)
    return "-".join(filter(None, parts))


def entry_document(proxy: Proxy, group: WorkloadGroup, health: Health | None) -> str:
    """The text of a WorkloadEntry. health: None as long as nobody told.

    Istio: what the proxy says of itself counts before what the group says, and that before its template. Its service
    account is the one that was proven.
    """
    spec = {
        "address": proxy.ip_addresses[0],
        "labels": {**group.template_labels, **group.labels, **proxy.labels},
        "ports": dict(group.ports),
        "locality": "/".join(filter(None, proxy.locality if any(proxy.locality) else group.locality)),
        "network": proxy.network or group.network,
        "serviceAccount": proxy.identity.service_account if proxy.identity is not None else group.service_account,
        "weight": group.weight,
    }
    probed = {PROBED: "true"} if proxy.probed else {}
    document = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "WorkloadEntry",
        "metadata": {
            "name": entry_name(proxy),
            "namespace": proxy.namespace,
            "annotations": {**group.annotations, **probed, _GROUP: group.meta.name},
        },
        "spec": {name: value for name, value in spec.items() if value},
        **({"status": {"conditions": [_condition(health)]}} if health is not None else {}),
    }
    return json.dumps(document, indent=2) + "\n"


def health_of(document: str) -> Health | None:
    """What the text of an entry says of its workload's health; None if nothing, or if it is no entry of ours."""
    try:
        condition = json.loads(document)["status"]["conditions"][0]
        return Health() if condition["status"] == "True" else Health(condition["message"])
    except (ValueError, KeyError, IndexError, TypeError):
        return None


def _condition(health: Health) -> dict[str, str]:
    healthy = "False" if health.problem else "True"
    return {"type": "Healthy", "status": healthy, **({"message": health.problem} if health.problem else {})}
