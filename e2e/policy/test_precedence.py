"""Which of several DestinationRules holds: the server sees it by the version of the PROXY protocol."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from e2e.lab import SERVICE_PORT, Sidecar
from e2e.policy.instance import Instance
from e2e.policy.mesh import PolicyMesh, document
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="module")

V1, V2 = {"proxyProtocol": {"version": "V1"}}, {"proxyProtocol": {"version": "V2"}}
NOTHING: dict[str, object] = {}
CLIENT, SERVICE, ROOT = "default", "backend", "istio-system"


@dataclass(frozen=True)
class Ruled:
    """A service of namespace ``backend``, called from ``default``, under rules that change."""

    mesh: PolicyMesh
    name: str
    instance: Instance

    @property
    def host(self) -> str:
        return f"{self.name}.{SERVICE}.svc.cluster.local"

    def rule(self, policy: object, namespace: str, name: str = "", year: int = 2020, **spec: object) -> object:
        """A rule for the service. year: when it was created."""
        whole = {"host": self.host, "trafficPolicy": policy, **spec}
        metadata = {"namespace": namespace, "creationTimestamp": f"{year}-01-01T00:00:00Z"}
        return document("DestinationRule", name or self.name, whole, **metadata)

    async def sees(self, expected: str, *documents: object, client: Sidecar | None = None) -> None:
        """Returns when the server is told who the client is in the expected way, under these rules and no other."""
        selecting = {"selector": {"app": self.name}, "ports": [{"name": "http", "port": SERVICE_PORT}]}
        endpoint = {"address": self.instance.address, "labels": {"app": self.name, "version": "v1"}}
        declared = (
            document("Service", self.name, selecting, namespace=SERVICE),
            document("WorkloadEntry", self.name, endpoint, namespace=SERVICE),
        )
        self.mesh.lab.write(f"{self.name}.yaml", "---\n".join(f"{json.dumps(d)}\n" for d in (*declared, *documents)))
        asking = PolicyMesh(self.mesh.lab, client or self.mesh.client)

        async def told() -> bool:
            answer = await asking.ask(self.host)
            return answer.status == 200 and _version(answer.received.get("announced")) == expected

        await self.mesh.until(told, f"{expected} at {self.name}")


def _version(announced: object) -> str:
    if announced is None:
        return "nothing"
    return "V1" if str(announced).startswith("PROXY") else "V2"


async def ruled(mesh: PolicyMesh, name: str) -> Ruled:
    return Ruled(mesh, name, await mesh.instance("a"))


async def test_the_clients_namespace_comes_first_then_the_services_then_the_root(mesh: PolicyMesh) -> None:
    service = await ruled(mesh, "spaces")
    root, own = service.rule(V1, ROOT), service.rule(V2, SERVICE)
    clients = service.rule(NOTHING, CLIENT)
    await service.sees("V1", root)
    await service.sees("V2", root, own)
    await service.sees("nothing", root, own, clients)
    await service.sees("V2", root, own)


@proves("DestinationRule", "spec.exportTo")
async def test_a_rule_that_is_not_exported_is_passed_over(mesh: PolicyMesh) -> None:
    service = await ruled(mesh, "hidden")
    root = service.rule(V1, ROOT)
    await service.sees("V2", root, service.rule(V2, SERVICE))
    await service.sees("V1", root, service.rule(V2, SERVICE, exportTo=["."]))


@proves("DestinationRule", "spec.host")
async def test_the_most_specific_host_holds(mesh: PolicyMesh) -> None:
    service = await ruled(mesh, "specific")
    wide = service.rule(V1, CLIENT, "specific-wide", host=f"*.{SERVICE}.svc.cluster.local", exportTo=["."])
    await service.sees("V1", wide)
    await service.sees("V2", wide, service.rule(V2, CLIENT))
    mesh.lab.write("specific.yaml", "")


@proves("DestinationRule", "spec.subsets.labels", "spec.subsets.trafficPolicy.proxyProtocol.version")
async def test_the_oldest_policy_holds_and_subsets_unite(mesh: PolicyMesh) -> None:
    service = await ruled(mesh, "merged")
    old, young = service.rule(V1, CLIENT, "merged-old", 2020), service.rule(V2, CLIENT, "merged-young", 2021)
    await service.sees("V1", young, old)
    subset = {"name": "one", "labels": {"version": "v1"}, "trafficPolicy": V2}
    with_subset = service.rule(NOTHING, CLIENT, "merged-young", 2021, subsets=[subset])
    to = {"destination": {"host": service.host, "subset": "one"}}
    route = document("VirtualService", "merged", {"hosts": [service.host], "http": [{"route": [to]}]})
    await service.sees("V2", with_subset, old, route)


@proves(
    "DestinationRule",
    "spec.trafficPolicy.portLevelSettings.port.number",
    "spec.trafficPolicy.portLevelSettings.connectionPool.http.h2UpgradePolicy",
)
async def test_a_port_level_has_no_say_in_what_holds_for_all_ports(mesh: PolicyMesh) -> None:
    service = await ruled(mesh, "leveled")
    level = {"port": {"number": SERVICE_PORT}, "connectionPool": {"http": {"h2UpgradePolicy": "UPGRADE"}}}
    await service.sees("V1", service.rule({**V1, "portLevelSettings": [level]}, CLIENT))
    assert (await mesh.ask(service.host)).received["protocol"] == "HTTP/2"


@proves("DestinationRule", "spec.workloadSelector.matchLabels")
async def test_a_selector_narrows_a_rule_to_workloads(mesh: PolicyMesh) -> None:
    service = await ruled(mesh, "selecting")
    other = await mesh.lab.sidecar("other", {"app": "other"})
    everyone = service.rule(V1, SERVICE)
    chosen = service.rule(V2, CLIENT, "selecting-chosen", workloadSelector={"matchLabels": {"app": "client"}})
    await service.sees("V2", everyone, chosen)
    await service.sees("V1", everyone, chosen, client=other)


@proves("DestinationRule", "spec.trafficPolicy.portLevelSettings.port.number")
async def test_a_port_level_replaces_all_that_holds_for_all_ports(mesh: PolicyMesh) -> None:
    """Also the blocks that it does not have itself. One for another port replaces nothing."""
    upgrade = {"connectionPool": {"http": {"h2UpgradePolicy": "UPGRADE"}}}
    level = {"loadBalancer": {"simple": "ROUND_ROBIN"}}
    for name, port, protocol in (("replaced", SERVICE_PORT, "HTTP/1.1"), ("not-replaced", 1, "HTTP/2")):
        levels = [{"port": {"number": port}, **level}]
        await mesh.add(name, {**upgrade, "portLevelSettings": levels}, [await mesh.instance("a")])
        assert (await mesh.ask(name)).received["protocol"] == protocol
