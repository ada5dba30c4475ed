"""Lua of TrafficExtensions: where it stands, in what order, how it changes, and what bad code costs."""

from __future__ import annotations

import asyncio
import json

import pytest

from e2e.extensions.shop import header, start_shop, trace, traffic_extension, until
from e2e.lab import Lab
from e2e.proofs import proves
from xds.app.demo.shop import fetch, new_session

CLIENT = "match:\n- mode: CLIENT\n"
SERVER = "match:\n- mode: SERVER\n"
_TOLD_SECONDS = 20.0


@proves(
    "TrafficExtension",
    "spec.lua.inlineCode",
    "spec.match.mode",
    "spec.match.ports.number",
    "spec.selector.matchLabels",
    "spec.phase",
    "spec.priority",
)
async def test_lua_stands_where_it_asks_to(lab: Lab) -> None:
    shop = await start_shop(lab)
    selected = "selector:\n  matchLabels:\n    app: front\n"
    lab.write(
        "extensions.yaml",
        traffic_extension("late", trace("late"), SERVER)
        + traffic_extension("authn", trace("authn"), "phase: AUTHN\n" + SERVER)
        + traffic_extension("authz-low", trace("authz-low"), "phase: AUTHZ\npriority: 1\n" + SERVER)
        + traffic_extension("authz-high", trace("authz-high"), "phase: AUTHZ\npriority: 2\n" + SERVER)
        + traffic_extension("stats", trace("stats"), "phase: STATS\n" + SERVER)
        + traffic_extension("out", trace("out"), CLIENT + "  ports:\n  - number: 15080\n")
        + traffic_extension("other-port", trace("other-port"), "match:\n- ports:\n  - number: 7777\n")
        + traffic_extension("gateway", trace("gateway"), selected),
    )
    inbound = "authn,authz-high,authz-low,stats,late,"
    await until(shop.ask, "x-trace", f"out,{inbound}")
    await until(shop.ask_gateway, "x-trace", f"gateway,{inbound}")


@proves("TrafficExtension", "spec.targetRefs.group", "spec.targetRefs.kind", "spec.targetRefs.name")
async def test_lua_is_for_the_gateway_that_it_aims_at(lab: Lab) -> None:
    shop = await start_shop(lab)
    group = "targetRefs:\n- group: gateway.networking.k8s.io\n  kind: Gateway\n"
    lab.write(
        "extensions.yaml",
        traffic_extension("aimed", trace("aimed"), f"{group}  name: front\n")
        + traffic_extension("elsewhere", trace("elsewhere"), f"{group}  name: other\n")
        + traffic_extension("service", trace("service"), "targetRefs:\n- kind: Service\n  name: front\n"),
    )
    await until(shop.ask_gateway, "x-trace", "aimed,")
    assert header(await shop.ask(), "x-trace") == "", "a sidecar is no gateway"


@pytest.mark.parametrize("api_type", ["DELTA_GRPC", "GRPC"])
async def test_code_changes_without_a_change_of_listeners(lab: Lab, api_type: str) -> None:
    lab.api_type = api_type
    lab.write("extensions.yaml", traffic_extension("mark", trace("one"), SERVER))
    shop = await start_shop(lab)
    await until(shop.ask, "x-trace", "one,")
    updates = "/stats?filter=listener_manager.(lds.update_success|listener_modified)$"
    before = await shop.workload.admin(updates)
    async with new_session() as kept:
        url = f"http://{shop.workload.ip}:9080/"
        assert header(await fetch(kept, url, {}), "x-trace") == "one,"
        lab.write("extensions.yaml", traffic_extension("mark", trace("two"), SERVER))
        await until(lambda: fetch(kept, url, {}), "x-trace", "two,")
    assert await shop.workload.admin(updates) == before


async def test_bad_lua_is_told_with_its_line_and_costs_only_itself(lab: Lab) -> None:
    lab.write("extensions.yaml", traffic_extension("good", trace("one"), SERVER))
    shop = await start_shop(lab)
    await until(shop.ask, "x-trace", "one,")
    lab.write(
        "extensions.yaml",
        traffic_extension("good", trace("two"), SERVER) + traffic_extension("bad", "function broken(\n", SERVER),
    )
    await until(shop.ask, "x-trace", "two,")
    rejection = await _rejection(lab)
    assert "TrafficExtension/bad.default" in rejection
    assert "extensions.yaml:15" in rejection, "where the object is written"
    lab.write("extensions.yaml", traffic_extension("good", trace("three"), SERVER + "priority: 1\n"))
    await until(shop.ask, "x-trace", "three,")


async def _rejection(lab: Lab) -> str:
    """What the control plane tells of its proxies, once a rejection of a script is in it."""
    async with asyncio.timeout(_TOLD_SECONDS):
        while True:
            status = await fetch(lab.session, f"http://{lab.control_plane}:15014/debug/syncz", {})
            text = json.dumps(json.loads(status.body))
            if "script load error" in text:
                return text
            await asyncio.sleep(0.05)
