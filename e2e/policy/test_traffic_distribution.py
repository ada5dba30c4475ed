"""A Service that keeps its traffic near, without any DestinationRule."""

from __future__ import annotations

import json

import pytest

from e2e.lab import SERVICE_PORT
from e2e.policy.mesh import LOCALITY, PolicyMesh, document, entry
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="module")

ANNOTATION = "networking.istio.io/traffic-distribution"


@proves("Service", "spec.trafficDistribution")
async def test_clients_prefer_what_is_near(mesh: PolicyMesh) -> None:
    instances = (await mesh.instance("a", LOCALITY), await mesh.instance("b", "eu/eu-2"))

    def write(*, annotations: dict[str, str], **spec: object) -> None:
        ports = [{"name": "http", "port": SERVICE_PORT}]
        given = {"selector": {"app": "spread"}, "ports": ports, **spec}
        service = document("Service", "spread", given, annotations=annotations)
        documents = (service, *(entry("spread", each) for each in instances))
        mesh.lab.write("spread.yaml", "---\n".join(f"{json.dumps(each)}\n" for each in documents))

    write(annotations={})
    await mesh.answered_only_by("spread", "a", "b")
    write(annotations={}, trafficDistribution="PreferClose")
    await mesh.answered_only_by("spread", "a")
    write(annotations={ANNOTATION: "Any"}, trafficDistribution="PreferClose")
    await mesh.answered_only_by("spread", "a", "b")
    write(annotations={ANNOTATION: "PreferSameZone"})
    await mesh.answered_only_by("spread", "a")
