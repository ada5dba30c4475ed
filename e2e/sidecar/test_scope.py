"""What a client may call under the egress hosts of its Sidecar, and which Sidecar that is."""

from __future__ import annotations

import pytest

from e2e.lab import SERVICE_PORT
from e2e.proofs import proves
from e2e.sidecar.world import FAR, World, document

pytestmark = pytest.mark.asyncio(loop_scope="module")

CLUSTERS = "/clusters?format=json"


@proves("Sidecar", "spec.egress.hosts", "spec.workloadSelector.labels")
async def test_hosts_are_named_by_namespace(world: World) -> None:
    world.egress("./*")
    await world.until_called(FAR, "502")
    assert await world.called("near") == "near"
    world.egress("other/*")
    await world.until_called(FAR, "far")
    assert await world.called("near") == "502"
    world.egress("*/far.other.svc.cluster.local")
    assert await world.called(FAR) == "far"
    world.egress("~/*")
    await world.until_called(FAR, "502")
    assert await world.called("near") == "502"


async def test_hosts_may_be_wildcards(world: World) -> None:
    world.egress("*/*.other.svc.cluster.local")
    await world.until_called("near", "502")
    assert await world.called(FAR) == "far"


async def test_the_namespace_decides_between_services_with_one_host(world: World) -> None:
    for namespace in ("one", "two"):
        instance = await world.instance(namespace)
        ports = [{"number": SERVICE_PORT, "name": "http", "protocol": "HTTP"}]
        endpoints = [{"address": instance.address}]
        spec = {"hosts": ["api.example.com"], "resolution": "STATIC", "ports": ports, "endpoints": endpoints}
        world.write(f"api-{namespace}", document("ServiceEntry", "api", spec, namespace))
    for namespace in ("two", "one", "two"):
        world.egress(f"{namespace}/api.example.com")
        await world.until_called("api.example.com", namespace)


async def test_what_a_virtual_service_sends_traffic_to_cannot_be_called_itself(world: World) -> None:
    route = {"hosts": ["near"], "http": [{"route": [{"destination": {"host": FAR}}]}]}
    world.write("near-to-far", document("VirtualService", "near", route))
    world.egress("./near.default.svc.cluster.local")
    await world.until_called("near", "far")
    assert await world.called(FAR) == "502"
    world.write("near-to-far")


async def test_what_is_out_of_scope_is_not_in_the_proxy(world: World) -> None:
    assert FAR in await world.client.admin(CLUSTERS)
    world.egress("./*")

    async def is_gone() -> bool:
        return FAR not in await world.client.admin(CLUSTERS)

    await world.until(is_gone, "the proxy without what is out of scope")
    assert "near.default.svc.cluster.local" in await world.client.admin(CLUSTERS)


async def test_the_nearest_sidecar_holds(world: World) -> None:
    """The workload's own, its namespace's, the root namespace's; a selector there is for workloads there."""

    def scope(namespace: str, *hosts: str, **more: object) -> object:
        return document("Sidecar", "other-than-its-own", {"egress": [{"hosts": list(hosts)}], **more}, namespace)

    world.write("of-the-root-namespace", scope("istio-system", "other/*"))
    world.write("sidecar-of-client")
    await world.until_called("near", "502")
    assert await world.called(FAR) == "far"
    world.write("of-the-namespace", scope("default", "./*"))
    await world.until_called("near", "near")
    assert await world.called(FAR) == "502"
    world.egress("~/*")
    await world.until_called("near", "502")
    world.write("sidecar-of-client")
    world.write("of-the-namespace")
    await world.until_called(FAR, "far")
    selector = {"workloadSelector": {"labels": {"app": "client"}}}
    world.write("of-the-root-namespace", scope("istio-system", "~/*", **selector))
    await world.until_called("near", "near")
    assert await world.called(FAR) == "far"
    world.write("of-the-root-namespace")
