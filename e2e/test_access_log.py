"""What sidecars write about requests, and under which names: access logs and statistics."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from e2e.lab import Lab, Sidecar
from e2e.proofs import proves
from e2e.services import service
from e2e.witness import Witness

NAMED = """\
    apiVersion: networking.istio.io/v1
    kind: VirtualService
    metadata: {name: shop}
    spec:
      hosts: [shop]
      http:
      - name: rule
        match: [{name: condition, uri: {prefix: /named}, statPrefix: named}]
        route: [{destination: {host: shop}}]
      - name: rest
        route: [{destination: {host: shop}}]
    """


@asynccontextmanager
async def logging(lab: Lab, **settings: str) -> AsyncIterator[tuple[Sidecar, Path]]:
    """A client, and the file that its sidecar logs to. settings: of the mesh; JSON is YAML."""
    log = lab.folder / "access.log"
    mesh_config = lab.folder / "mesh.yaml"
    mesh_config.write_text(json.dumps({"proxyHttpPort": 15080, "accessLogFile": str(log), **settings}))
    lab.write("service.yaml", service("shop", {"v1": await lab.echo("v1")}))
    lab.write("route.yaml", NAMED)
    lab.witness = Witness(lab.config, mesh_config)
    await lab.serve(mesh_config=mesh_config)
    yield await lab.sidecar("client"), log


async def line_of(log: Path, wanted: Callable[[str], bool]) -> str:
    """The line of which this is true, once it is written."""
    deadline = time.monotonic() + 15
    while not (found := list(filter(wanted, _lines(log)))):
        assert time.monotonic() < deadline, "no such line was written"
        await asyncio.sleep(0.05)
    return found[0]


def _lines(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


@proves("VirtualService", "spec.http.name", "spec.http.match.name", "spec.http.match.statPrefix")
@proves("MeshConfig", "accessLogFile", "accessLogFormat")
async def test_a_line_has_the_format_that_is_asked_for_and_the_names_of_routes(lab: Lab) -> None:
    own = "%RESPONSE_CODE% %REQ(:PATH)% %ROUTE_NAME% %UPSTREAM_HOST%"
    async with logging(lab, accessLogFormat=own) as (client, log):
        await client.get("shop", "/named/1")
        await client.get("shop", "/other")

        upstream = f"{lab.echoes['v1']}:9080"
        assert await line_of(log, lambda line: "/named" in line) == f"200 /named/1 rule.condition {upstream}"
        assert await line_of(log, lambda line: "/other" in line) == f"200 /other rest {upstream}"
        counters = await client.admin("/stats?filter=route.named.upstream_rq_total")
    assert counters.strip() == "vhost.shop.default.svc.cluster.local:9080.route.named.upstream_rq_total: 1"


@proves("MeshConfig", "accessLogFile")
async def test_a_line_has_istios_format_where_none_is_asked_for(lab: Lab) -> None:
    async with logging(lab) as (client, log):
        await client.get("shop", "/named/1")
        line = await line_of(log, lambda line: "/named" in line)
    words = line.split(" ")
    assert (words[0][0], words[1:5]) == ("[", ['"GET', "/named/1", 'HTTP/1.1"', "200"])
    assert '"shop:9080"' in words
    assert f'"{lab.echoes["v1"]}:9080"' in words
    assert (words[-1], "outbound|9080||shop.default.svc.cluster.local" in words) == ("rule.condition", True)


@proves("MeshConfig", "accessLogFile", "accessLogEncoding")
async def test_a_line_is_json(lab: Lab) -> None:
    async with logging(lab, accessLogEncoding="JSON") as (client, log):
        await client.get("shop", "/named/1")
        found = json.loads(await line_of(log, lambda line: "/named" in line))
    assert (found["method"], found["path"], found["protocol"]) == ("GET", "/named/1", "HTTP/1.1")
    assert (found["response_code"], found["authority"], found["route_name"]) == (200, "shop:9080", "rule.condition")
    assert found["upstream_cluster"] == "outbound|9080||shop.default.svc.cluster.local"
    assert found["upstream_host"] == f"{lab.echoes['v1']}:9080"
    assert {"start_time", "response_flags", "duration", "bytes_sent", "request_id", "user_agent"} <= set(found)


@proves("MeshConfig", "accessLogEncoding", "accessLogFormat")
async def test_a_line_is_json_of_ones_own(lab: Lab) -> None:
    own = json.dumps({"path": "%REQ(:PATH)%", "answer": {"status": "%RESPONSE_CODE%"}, "mesh": "mine"})
    async with logging(lab, accessLogEncoding="JSON", accessLogFormat=own) as (client, log):
        await client.get("shop", "/named/1")
        found = json.loads(await line_of(log, lambda line: "/named" in line))
    assert found == {"path": "/named/1", "answer": {"status": 200}, "mesh": "mine"}
