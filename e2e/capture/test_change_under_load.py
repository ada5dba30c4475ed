"""The configuration changes while requests are in flight and connections are open: none of them suffers."""

from __future__ import annotations

import asyncio
import time

import pytest

from e2e.capture.mesh import CaptureMesh

pytestmark = pytest.mark.asyncio(loop_scope="session")

CALLERS = 8

URL = "http://canary:9080/"


def rules(version: str) -> str:
    """A subset, and a route to it: a client that gets the route before the cluster answers 503."""
    balance = {"v1": "RANDOM", "v2": "ROUND_ROBIN"}[version]
    return f"""\
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata:
          name: canary
        spec:
          host: canary
          trafficPolicy:
            loadBalancer:
              simple: {balance}
          subsets:
          - name: {version}
            labels:
              version: {version}
        ---
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata:
          name: canary
        spec:
          hosts:
          - canary
          http:
          - route:
            - destination:
                host: canary
                subset: {version}
        """


async def test_no_request_fails_while_a_route_and_its_subset_are_replaced(mesh: CaptureMesh) -> None:
    mesh.write("canary-rules.yaml", rules("v1"))
    await mesh.client.answered_only_by(URL, "reviews-v1")

    over = asyncio.Event()
    urls = [f"{URL}?sleep=0.02"] * CALLERS + [f"{URL}?sleep=0.6"]
    load = asyncio.gather(*(mesh.client.instances_until(url, over) for url in urls))
    for version in ("v2", "v1", "v2"):
        mesh.write("canary-rules.yaml", rules(version))
        await mesh.client.answered_only_by(URL, f"reviews-{version}")
    over.set()

    assert set().union(*await load) == {"reviews-v1", "reviews-v2"}


LATE = """\
    apiVersion: v1
    kind: Service
    metadata:
      name: late
    spec:
      clusterIP: 10.96.0.18
      selector:
        app: reviews
      ports:
      - name: http
        port: 7070
      - name: tcp
        port: 7071
    """


async def test_a_new_service_has_listeners_on_both_sides_and_open_connections_stay(mesh: CaptureMesh) -> None:
    async with mesh.client.connection("reviews", 9000) as (reader, writer):
        assert await said(reader, writer, "before") in ("reviews-v1 before", "reviews-v2 before")
        mesh.write("late.yaml", LATE)
        await inbound_listens(mesh, 7070)
        reply = await mesh.client.get("http://late:7070/")
        greeting, _ = await mesh.client.listen_first("late", 7071, "hello")

        assert (reply.headers["server"], greeting[:-1]) == ("envoy", "welcome to reviews-v")
        assert await said(reader, writer, "after") in ("reviews-v1 after", "reviews-v2 after")


APART = """\
    apiVersion: v1
    kind: Service
    metadata:
      name: apart
    spec:
      clusterIP: 10.96.0.40
      selector:
        app: reviews
      ports:
      - name: http
        port: 7075
    ---
    apiVersion: networking.istio.io/v1
    kind: VirtualService
    metadata:
      name: apart
    spec:
      hosts:
      - apart
      http:
      - route:
        - destination:
            host: apart
    """


async def test_a_websocket_outlives_changes_of_something_else(mesh: CaptureMesh) -> None:
    """New listeners, clusters and routes on both sides, and their end."""
    async with mesh.client.websocket("http://reviews:9080/socket") as say:
        assert await say("before") == "reviews-v1 before"
        mesh.write("apart.yaml", APART)
        await inbound_listens(mesh, 7075)
        assert await say("between") == "reviews-v1 between"
        mesh.write("apart.yaml", "")
        await inbound_is_closed(mesh, 7075)
        assert await say("after") == "reviews-v1 after"


async def said(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: str) -> str:
    """The answer to a line."""
    writer.write(f"{line}\n".encode())
    async with asyncio.timeout(5):
        return (await reader.readline()).decode().rstrip("\n")


async def inbound_listens(mesh: CaptureMesh, port: int) -> None:
    """Returns once sidecars know the port on both sides; fails after five seconds."""
    end = time.monotonic() + 5
    while f"inbound|{port}||" not in await mesh.admin("reviews-v1", "/clusters") or f"0.0.0.0_{port}" not in (
        await mesh.admin("client", "/listeners")
    ):
        assert time.monotonic() < end, "the new service did not get there"
        await asyncio.sleep(0.05)


async def inbound_is_closed(mesh: CaptureMesh, port: int) -> None:
    """Returns once the workload's sidecar knows nothing of the port any more; fails after five seconds."""
    end = time.monotonic() + 5
    while f"inbound|{port}||" in await mesh.admin("reviews-v1", "/clusters"):
        assert time.monotonic() < end, "the service is still there"
        await asyncio.sleep(0.05)
