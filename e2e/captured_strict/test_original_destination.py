"""Where connections go that are sent to an address: of a service, of a pod by a name, of a pod by itself."""

from __future__ import annotations

import pytest

from e2e.captured_strict.topology import (
    DIALLED,
    DIALLED_LINES,
    GUESSED,
    HTTP,
    IPS,
    LINES,
    SERVERS,
    UNDECLARED,
    UNDECLARED_GREETING,
)
from e2e.captured_strict.world import Strict, identity, sender
from e2e.mtls.world import REFUSED
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="session")

ONE_OF_THEM = pytest.mark.parametrize("server", SERVERS)


async def test_the_address_of_a_service_leads_to_its_pods_as_who_the_client_is(mesh: Strict) -> None:
    reply = await mesh.client.get(f"http://server:{HTTP}/")

    assert reply.instance in SERVERS
    assert (reply.received["peer"], reply.received["local"]) == ("127.0.0.6", [IPS[reply.instance], HTTP])
    assert await sender(mesh.client, f"http://server:{HTTP}/") == identity("client")
    assert await sender(mesh.guest, f"http://server:{HTTP}/") == identity("guest")


@ONE_OF_THEM
@pytest.mark.parametrize("port", [HTTP, GUESSED])
async def test_a_pod_of_a_headless_service_is_spoken_to_by_mutual_tls(mesh: Strict, server: str, port: int) -> None:
    url = f"http://{server}.pods:{port}/"

    assert (await mesh.client.get(url)).instance == server
    assert await sender(mesh.client, url) == identity("client")
    assert (await mesh.client.get(url, {"host": f"pods:{port}"})).instance == server


@ONE_OF_THEM
async def test_connections_to_a_pod_of_a_headless_service(mesh: Strict, server: str) -> None:
    assert await mesh.client.say(f"{server}.pods", LINES, "hello") == [f"{server} hello"]


@ONE_OF_THEM
@proves("DestinationRule", "spec.trafficPolicy.loadBalancer.simple")
async def test_the_application_chooses_the_pod_and_mutual_tls_goes_there(mesh: Strict, server: str) -> None:
    url, named = f"http://{server}.address:{HTTP}/", {"host": f"chosen:{HTTP}"}

    assert {(await mesh.client.get(url, named)).instance for _ in range(6)} == {server}
    assert await sender(mesh.client, url, named) == identity("client")


@ONE_OF_THEM
@proves("ServiceEntry", "spec.resolution", "spec.addresses")
@proves("DestinationRule", "spec.trafficPolicy.tls.mode")
async def test_an_entry_without_resolution_leads_where_it_was_dialled_by_mutual_tls(mesh: Strict, server: str) -> None:
    url, named = f"http://{server}.address:{DIALLED}/", {"host": f"dialled.example.com:{DIALLED}"}

    assert (await mesh.client.get(url, named)).instance == server
    assert await sender(mesh.client, url, named) == identity("client")
    assert await mesh.client.say(f"{server}.address", DIALLED_LINES, "hello") == [f"{server} hello"]


async def test_what_is_known_by_no_name_is_passed_on_as_it_is_and_the_workload_refuses_it(mesh: Strict) -> None:
    """As in Istio, no sidecar knows of mutual TLS past all services. On a port of HTTP it answers itself."""
    assert await sender(mesh.client, f"http://server-v1.address:{HTTP}/") == "503"
    assert await sender(mesh.client, f"http://server-v1.address:{UNDECLARED}/") == REFUSED
    assert await mesh.client.say("server-v1.address", UNDECLARED_GREETING, "hello") == []


async def test_an_address_and_a_name_of_a_service_are_routed_by_the_name(mesh: Strict) -> None:
    """The port is one of HTTP everywhere, so that it is the request that says where it goes."""
    seen = {await _instance(mesh, "server-v1.address") for _ in range(20)} | {await _instance(mesh, "outside.address")}

    assert seen <= {*SERVERS}


async def _instance(mesh: Strict, host: str) -> str:
    return (await mesh.client.get(f"http://{host}:{HTTP}/", {"host": f"server:{HTTP}"})).instance
