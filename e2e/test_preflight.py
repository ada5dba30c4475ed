"""With --preflight, a real Envoy never even sees what it would reject."""

from __future__ import annotations

import asyncio
import json
import re
import time

from e2e.lab import Lab, Sidecar
from e2e.load import load
from e2e.observe import live_after
from e2e.services import route, service
from xds.app.demo.processes import Child

# What the translator `rejected_by_envoy` makes a route configuration of that has a domain twice.
REFUSED = route("reviews", "v2").replace(
    "  http:\n  - route:", "  http:\n  - headers: {response: {set: {x-reject-me: 'yes'}}}\n    route:"
)


async def logged(server: Child, event: str) -> dict[str, object]:
    """The first entry of the server's log with this text."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        for line in server.log.read_text().splitlines():
            if event in line:
                entry: dict[str, object] = json.loads(line)
                return entry
        await asyncio.sleep(0.02)
    raise AssertionError(f"no {event!r} in the log:\n{server.tail()}")


async def has_cluster(client: Sidecar, name: str) -> None:
    """Returns when Envoy has a cluster."""
    deadline = time.monotonic() + 5
    while name not in await client.admin("/clusters"):
        assert time.monotonic() < deadline, f"no cluster {name}"
        await asyncio.sleep(0.02)


async def test_what_envoy_refuses_never_reaches_a_proxy_and_the_rest_does(lab: Lab) -> None:
    instances = {version: await lab.echo(version) for version in ("v1", "v2")}
    lab.write("service.yaml", service("reviews", instances))
    lab.write("route.yaml", route("reviews", "v1"))
    server = await lab.serve("--preflight", "--translators", "tests.app.rejected_by_envoy:TRANSLATORS")
    client = await lab.sidecar("client")

    async with load(client, "reviews", 50) as traffic:
        await traffic.sees_all({"v1"})
        lab.write("route.yaml", "\n" + REFUSED)
        refusal = await logged(server, "refused-by-envoy")
        lab.write("other.yaml", service("other", instances))
        await has_cluster(client, "outbound|9080||other.default.svc.cluster.local")
        await traffic.sees_only({"v1"})

        repaired = lab.write("route.yaml", route("reviews", "v2"))
        await live_after(client, "reviews", "v2", repaired)

    assert not traffic.failures
    assert (refusal["object"], refusal["origin"]) == ("VirtualService/reviews.default", f"{lab.config}/route.yaml:2")
    assert re.search("RouteConfiguration http_proxy.*domain", str(refusal["event"]))
    assert ".update_rejected: 0" in (stats := await client.admin("/stats?filter=update_rejected"))
    assert not re.search(r"update_rejected: [1-9]", stats)
