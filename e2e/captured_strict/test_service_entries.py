"""Hosts outside of the mesh, which get no TLS of it by themselves, and other names for hosts inside, which do."""

from __future__ import annotations

import pytest

from e2e.captured_strict.topology import HTTP, IPS, SERVERS
from e2e.captured_strict.world import Strict, identity, sender
from e2e.mtls.world import NOBODY
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("host", ["static", "dns"])
@proves("ServiceEntry", "spec.location", "spec.resolution", "spec.endpoints.address", "spec.ports.targetPort")
async def test_a_host_outside_is_spoken_to_as_the_application_does(mesh: Strict, host: str) -> None:
    url = f"http://{host}.example.com/"
    reply = await mesh.client.get(url)

    assert (reply.instance, reply.received["local"]) == ("outside", [IPS["outside"], 8080])
    assert await sender(mesh.client, url) == NOBODY
    assert (await mesh.guest.get(url)).instance == "outside"


@proves("ServiceEntry", "spec.addresses")
async def test_connections_to_a_host_outside(mesh: Strict) -> None:
    assert await mesh.client.say("static.example.com", 8081, "hello") == ["outside hello"]


@proves("ServiceEntry", "spec.location", "spec.workloadSelector.labels")
async def test_an_entry_that_selects_workloads_of_the_mesh_leads_to_them_by_mutual_tls(mesh: Strict) -> None:
    reply = await mesh.client.get("http://selected.example.com/")

    assert (reply.instance in SERVERS, reply.received["local"]) == (True, [IPS[reply.instance], HTTP])
    assert await sender(mesh.client, "http://selected.example.com/") == identity("client")
    (answer,) = await mesh.client.say("selected.example.com", 8081, "hello")
    assert answer in [f"{name} hello" for name in SERVERS]


@proves("ServiceEntry", "spec.endpoints.labels", "spec.endpoints.serviceAccount")
async def test_an_endpoint_with_a_name_takes_mutual_tls_if_it_is_labelled(mesh: Strict) -> None:
    assert (await mesh.client.get("http://named.example.com/")).instance == "server-v1"
    assert await sender(mesh.client, "http://named.example.com/") == identity("client")
