"""Convergence with a real control plane process and real Envoys: accepted, rejected, repaired, unaffected."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from e2e.addresses import Addresses
from e2e.lab import Lab
from e2e.services import route, service
from xds.app.demo.envoy_binary import find_envoy
from xds.app.demo.processes import Processes
from xds.app.demo.shop import new_session

REJECTED = route("reviews", "v2").replace(
    "  http:\n  - route:", "  http:\n  - headers: {response: {set: {x-reject-me: 'yes'}}}\n    route:"
)


GATEWAY = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: g}
spec:
  selector: {app: nobody}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]
"""


@pytest.fixture
def options() -> tuple[str, ...]:
    """What the control plane is started with."""
    return ()


@pytest.fixture
async def lab(tmp_path: Path, options: tuple[str, ...]) -> AsyncIterator[Lab]:
    async with AsyncExitStack() as stack:
        processes = await stack.enter_async_context(Processes(tmp_path))
        session = await stack.enter_async_context(new_session())
        lab = Lab(tmp_path, find_envoy(), Addresses(), stack, processes, session)
        lab.write("reviews.yaml", service("reviews", {"v1": "127.0.0.1", "v2": "127.0.0.2"}))
        lab.write("route.yaml", route("reviews", "v1"))
        await lab.serve("--translators", "tests.app.rejected_by_envoy:TRANSLATORS", *options)
        await lab.sidecar("client")
        yield lab


async def pilothouse(lab: Lab, *arguments: str) -> tuple[int, str, str]:
    command = (sys.executable, "-m", "xds.app.cli", *arguments, "--monitoring", f"{lab.control_plane}:15014")
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def get(lab: Lab, path: str) -> str:
    async with lab.session.get(f"http://{lab.control_plane}:15014{path}") as response:
        return await response.text()


async def changes(lab: Lab) -> list[dict[str, Any]]:  # read in tests only, and compared at once
    found: list[dict[str, Any]] = json.loads(await get(lab, "/debug/changes?object=vs/reviews"))
    return found


async def test_wait_returns_when_the_change_that_was_just_written_is_accepted(lab: Lab) -> None:
    lab.write("route.yaml", route("reviews", "v2"))

    assert await pilothouse(lab, "wait", "--for", "vs/reviews") == (
        0,
        f"VirtualService/reviews.default ({lab.config}/route.yaml:1): accepted by 1 proxy\n",
        "",
    )

    newest = (await changes(lab))[0]
    assert newest["objects"] == [
        {"object": "VirtualService/reviews.default", "origin": f"{lab.config}/route.yaml:1", "inForce": True}
    ]
    assert newest["proxies"] == {"affected": 1, "acked": 1, "rejected": 0, "pending": 0, "notAskedYet": 0}
    assert [each["proxy"] for each in newest["acked"]] == ["client.default"]
    assert newest["seenAt"] <= newest["inForceAt"] <= newest["types"]["rds"]["first"] <= newest["acks"]["last"]
    metrics = await get(lab, "/metrics")
    assert re.search(r"^pilot_proxy_convergence_time_count 1\.0$", metrics, re.MULTILINE)
    assert re.search(r'^pilothouse_type_convergence_seconds_count\{type="rds"\} 1\.0$', metrics, re.MULTILINE)


async def test_a_rejection_leads_to_the_line_everywhere_until_it_is_repaired(lab: Lab) -> None:
    lab.write("route.yaml", "\n" + REJECTED)
    line = f"from VirtualService/reviews.default {lab.config}/route.yaml:2"

    code, out, err = await pilothouse(lab, "wait", "--for", "VirtualService/reviews.default", "--timeout", "20s")
    assert (code, out) == (1, "")
    assert re.match(r"client\.default rejected RDS .*[Dd]uplicate", err)
    assert line in err

    code, out, _ = await pilothouse(lab, "proxy-status", "client.default", "-v")
    assert code == 0
    assert re.search(r"^client\.default .*ERROR", out, re.MULTILINE)
    assert line in out

    newest = (await changes(lab))[0]
    assert newest["proxies"] == {"affected": 1, "acked": 0, "rejected": 1, "pending": 0, "notAskedYet": 0}
    assert newest["rejected"][0]["objects"][0]["origin"] == f"{lab.config}/route.yaml:2"
    metrics = await get(lab, "/metrics")
    assert re.search(r'^pilot_total_xds_rejects\{type="rds"\} 1\.0$', metrics, re.MULTILINE)
    assert re.search(r"^pilot_xds_rds_reject 1\.0$", metrics, re.MULTILINE)
    assert 'pilothouse_resource_rejects_total{resource="http_proxy",type="rds"} 1.0\n' in metrics
    assert 'pilothouse_object_rejects_total{object="VirtualService/reviews.default",type="rds"} 1.0\n' in metrics
    assert re.search(r"^pilot_xds_send_time_count [1-9]", metrics, re.MULTILINE)
    logged = [json.loads(entry) for entry in (lab.folder / "control-plane.log").read_text().splitlines()]
    (entry,) = [entry for entry in logged if entry["event"] == "a change was rejected"]
    assert entry["objects"] == [line.removeprefix("from ")]
    (stream,) = json.loads(await get(lab, "/debug/syncz"))
    assert stream["types"]["rds"]["rejected"]["objects"][0]["origin"] == f"{lab.config}/route.yaml:2"

    lab.write("route.yaml", route("reviews", "v2"))
    code, out, _ = await pilothouse(lab, "wait", "--for", "vs/reviews")
    assert (code, "accepted by 1 proxy" in out) == (0, True)


async def test_wait_waits_with_a_route_for_its_subset(lab: Lab) -> None:
    lab.write("route.yaml", route("reviews", "v3"))

    code, out, err = await pilothouse(lab, "wait", "--for", "vs/reviews", "--timeout", "100ms")
    assert (code, out) == (1, "")
    first, second = err.splitlines()
    assert first == "VirtualService/reviews.default: after 100ms, not in force yet as it is written:"
    assert second.startswith(f"warning  {lab.config}/route.yaml:9  spec.http[0].route[0].destination.subset: no Dest")

    lab.write("reviews.yaml", service("reviews", {"v1": "127.0.0.1", "v3": "127.0.0.3"}))
    assert (await pilothouse(lab, "wait", "--for", "vs/reviews"))[0] == 0


async def test_wait_does_not_wait_for_what_cannot_come(lab: Lab) -> None:
    lab.write("other.yaml", route("other", "v1").replace("host: other", "host: reviews").replace("- other", "- o.test"))
    lab.write("broken.yaml", route("broken", "v1").replace("hosts:", "hots:"))

    code, _, err = await pilothouse(lab, "wait", "--for", "vs/broken")
    assert code == 1
    assert f"error  {lab.config}/broken.yaml:6  spec" in err
    code, _, err = await pilothouse(lab, "wait", "--for", "vs/nobody.nowhere")
    assert code == 1
    assert err.startswith("pilothouse: there is no VirtualService/nobody.nowhere; objects of that kind: ")
    assert "VirtualService/broken.default, VirtualService/other.default, VirtualService/reviews.default\n" in err
    lab.write("gateway.yaml", GATEWAY)
    code, out, _ = await pilothouse(lab, "wait", "--for", "gw/g")
    assert (code, out) == (
        0,
        f"Gateway/g.default ({lab.config}/gateway.yaml:2): no connected proxy is affected by its last change\n",
    )


@pytest.mark.parametrize("options", [("--preflight",)])
async def test_what_is_refused_in_preflight_is_an_error_of_its_object_everywhere(lab: Lab) -> None:
    lab.write("route.yaml", "\n" + REJECTED)
    place = f"{lab.config}/route.yaml:2"

    code, out, err = await pilothouse(lab, "wait", "--for", "vs/reviews", "--timeout", "20s")
    assert (code, out) == (1, "")
    first, second, third, fourth = err.splitlines()
    assert first == "VirtualService/reviews.default is not in force as it is written:"
    assert re.match(rf"error  {place}  Envoy does not accept the RouteConfiguration http_proxy, .*[Dd]uplicate", second)
    assert third.startswith("client.default is not sent RDS http_proxy, which Envoy refused in preflight: ")
    assert fourth == f"  from VirtualService/reviews.default {place}"

    _, out, _ = await pilothouse(lab, "proxy-status")
    assert out.splitlines()[-2:] == [third, fourth]
    configz = json.loads(await get(lab, "/debug/configz"))
    (found,) = [each for each in configz["diagnostics"] if each["severity"] == "error"]
    assert (found["code"], found["line"], found["object"]["name"]) == ("refused-by-envoy", 2, "reviews")
    (stream,) = json.loads(await get(lab, "/debug/syncz"))
    assert stream["refused"][0]["objects"][0]["origin"] == place
    assert (await changes(lab))[0]["rejected"][0]["inPreflight"] is True
    assert 'pilothouse_config_findings{severity="error"} 1.0\n' in await get(lab, "/metrics")

    # What another object changes in the same resource is held up, and says by whom.
    lab.write("other.yaml", route("other", "v1").replace("host: other", "host: reviews").replace("- other", "- o.test"))
    code, _, err = await pilothouse(lab, "wait", "--for", "vs/other", "--timeout", "20s")
    assert (code, err.splitlines()[-1]) == (1, fourth)

    lab.write("route.yaml", route("reviews", "v2"))
    for name in ("vs/reviews", "vs/other"):
        assert (await pilothouse(lab, "wait", "--for", name))[::2] == (0, "")
    assert json.loads(await get(lab, "/debug/configz"))["diagnostics"] == []
    assert (await pilothouse(lab, "proxy-status"))[1].splitlines()[1:] == out.splitlines()[1:2]
