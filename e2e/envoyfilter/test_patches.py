"""What else EnvoyFilters are used for: code, clusters, headers, filters that are taken out."""

from __future__ import annotations

import json

import pytest

from e2e.envoyfilter.mesh import INBOUND_PORT, FilterMesh, instance
from e2e.proofs import proves

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("witness")]

HTTP = "envoy.filters.network.http_connection_manager"
MANAGER = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
LUA = "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua"


def lua(header: str, value: str = "yes") -> str:
    """Code that adds a header to every response, as a value in YAML's flow style."""
    code = f"function envoy_on_response(handle) handle:headers():add('{header}', '{value}') end"
    return f'{{"@type": {LUA}, default_source_code: {{inline_string: "{code}"}}}}'


def before_the_router(context: str, name: str, config: str) -> str:
    """An HTTP filter with this configuration, right before the router."""
    return f"""\
- applyTo: HTTP_FILTER
  match:
    context: {context}
    listener: {{filterChain: {{filter: {{name: {HTTP}, subFilter: {{name: envoy.filters.http.router}}}}}}}}
  patch: {{operation: INSERT_BEFORE, value: {{name: {name}, typed_config: {config}}}}}
"""


@proves("EnvoyFilter", "spec.configPatches.match.listener.filterChain.filter.subFilter.name")
async def test_code_is_run_for_what_the_application_is_answered(mesh: FilterMesh) -> None:
    async def is_run() -> bool:
        return (await mesh.outbound()).headers.get("x-lua") == "yes"

    async with mesh.patched("lua", before_the_router("SIDECAR_OUTBOUND", "envoy.filters.http.lua", lua("x-lua"))):
        await mesh.until(is_run, "x-lua")
        assert "x-lua" not in (await mesh.inbound()).headers


@proves("EnvoyFilter", "spec.configPatches.match.proxy.metadata", "spec.configPatches.match.listener.name")
async def test_a_patch_is_for_proxies_with_metadata_and_for_a_listener_by_its_name(mesh: FilterMesh) -> None:
    listener = f"{mesh.client.ip}_15080"
    asked = [("client", listener, "x-this"), ("nobody", listener, "x-nobody"), ("client", "0.0.0.0_15080", "x-nowhere")]
    patches = "".join(
        f"""\
- applyTo: HTTP_FILTER
  match: {{context: SIDECAR_OUTBOUND, proxy: {{metadata: {{NAME: {name}}}}}, listener: {{name: "{where}"}}}}
  patch: {{operation: INSERT_FIRST, value: {{name: {header}, typed_config: {lua(header)}}}}}
"""
        for name, where, header in asked
    )

    async def is_run() -> bool:
        return (await mesh.outbound()).headers.get("x-this") == "yes"

    async with mesh.patched("chosen", patches):
        await mesh.until(is_run, "x-this")
        assert {"x-nobody", "x-nowhere"}.isdisjoint((await mesh.outbound()).headers)


@proves("EnvoyFilter", "spec.configPatches.match.cluster.name")
async def test_the_workload_cannot_be_reached_when_its_cluster_is_removed(mesh: FilterMesh) -> None:
    async def is_gone() -> bool:
        return (await mesh.inbound()).status == 503

    async def is_back() -> bool:
        return (await mesh.inbound()).ok

    removed = "- applyTo: CLUSTER\n  match: {cluster: {name: '%s'}}\n  patch: {operation: REMOVE}\n"
    async with mesh.patched("gone", removed % f"inbound|{INBOUND_PORT}||" + removed % "outbound|9080||nobody"):
        await mesh.until(is_gone, "503")
        assert (await mesh.outbound()).ok
    await mesh.until(is_back, "200")


@proves("EnvoyFilter", "spec.configPatches.match.routeConfiguration.name")
async def test_a_cluster_is_added_and_a_route_leads_to_it(mesh: FilterMesh) -> None:
    address = await mesh.lab.echo("legacy")
    patches = f"""\
- applyTo: CLUSTER
  patch:
    operation: ADD
    value:
      name: legacy
      connect_timeout: 1s
      type: STATIC
      load_assignment:
        cluster_name: legacy
        endpoints:
        - lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: {address}, port_value: 9080}}}}}}}}]
- applyTo: HTTP_ROUTE
  match:
    context: SIDECAR_OUTBOUND
    routeConfiguration: {{name: http_proxy, vhost: {{name: "shop.default.svc.cluster.local:9080"}}}}
  patch:
    operation: INSERT_FIRST
    value: {{name: to-legacy, match: {{prefix: /legacy}}, route: {{cluster: legacy}}}}
"""

    async def is_there() -> bool:
        return instance(await mesh.outbound("/legacy")) == "legacy"

    async with mesh.patched("legacy", patches):
        await mesh.until(is_there, "legacy")
        assert instance(await mesh.outbound("/")) == "shop-v1"


@proves("EnvoyFilter", "spec.configPatches.match.listener.portNumber")
async def test_a_connection_manager_is_changed_where_its_port_says(mesh: FilterMesh) -> None:
    patches = "".join(
        f"""\
- applyTo: NETWORK_FILTER
  match:
    context: SIDECAR_INBOUND
    listener: {{portNumber: {port}, filterChain: {{filter: {{name: {HTTP}}}}}}}
  patch:
    operation: MERGE
    value:
      typed_config:
        "@type": {MANAGER}
        via: {via}
"""
        for port, via in ((INBOUND_PORT, "this-port"), (INBOUND_PORT + 1, "another-port"))
    )

    async def is_changed() -> bool:
        return (await mesh.inbound()).headers.get("via") == "this-port"

    async with mesh.patched("via", patches):
        await mesh.until(is_changed, "via")
        assert json.loads((await mesh.inbound()).body)["headers"]["Via"] == "this-port"


@proves("EnvoyFilter", "spec.configPatches.match.cluster.service", "spec.configPatches.match.cluster.portNumber")
async def test_a_cluster_is_changed(mesh: FilterMesh) -> None:
    """Without room for a single request, every one fails."""
    patches = """\
- applyTo: CLUSTER
  match: {cluster: {service: shop.default.svc.cluster.local, portNumber: 9080}}
  patch:
    operation: MERGE_AND_REPLACE_LIST
    value: {connect_timeout: 0.125s, circuit_breakers: {thresholds: [{max_requests: 0, max_pending_requests: 0}]}}
"""

    async def is_closed() -> bool:
        return (await mesh.outbound()).status == 503

    async def is_open() -> bool:
        return (await mesh.outbound()).ok

    async with mesh.patched("no-room", patches):
        await mesh.until(is_closed, "503")
        clusters = await mesh.client.admin("/config_dump?resource=dynamic_active_clusters")
        assert '"connect_timeout": "0.125s"' in clusters
    await mesh.until(is_open, "200")


async def test_a_filter_is_taken_out(mesh: FilterMesh) -> None:
    fault = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "shop"},
        "spec": {
            "hosts": ["shop"],
            "http": [
                {
                    "fault": {"abort": {"httpStatus": 418, "percentage": {"value": 100}}},
                    "route": [{"destination": {"host": "shop"}}],
                }
            ],
        },
    }
    mesh.lab.write("fault.yaml", json.dumps(fault))
    patches = f"""\
- applyTo: HTTP_FILTER
  match:
    context: SIDECAR_OUTBOUND
    listener: {{filterChain: {{filter: {{name: {HTTP}, subFilter: {{name: envoy.filters.http.fault}}}}}}}}
  patch: {{operation: REMOVE}}
"""

    async def is_aborted() -> bool:
        return (await mesh.outbound()).status == 418

    async def gets_through() -> bool:
        return (await mesh.outbound()).ok

    await mesh.until(is_aborted, "418")
    async with mesh.patched("no-faults", patches):
        await mesh.until(gets_through, "no fault")
    await mesh.until(is_aborted, "418 again")
    (mesh.lab.config / "fault.yaml").unlink()
    await mesh.until(gets_through, "no fault any more")


@proves("EnvoyFilter", "spec.priority")
async def test_the_lower_priority_is_applied_first(mesh: FilterMesh) -> None:
    def replaced(status: int) -> str:
        return f"""\
- applyTo: VIRTUAL_HOST
  match: {{context: SIDECAR_INBOUND}}
  patch:
    operation: REPLACE
    value: {{name: all, domains: ["*"], routes: [{{match: {{prefix: /}}, direct_response: {{status: {status}}}}}]}}
"""

    async def is_first() -> bool:
        return (await mesh.inbound()).status == 211

    async def is_last() -> bool:
        return (await mesh.inbound()).status == 212

    async with mesh.patched("a", replaced(211)):
        await mesh.until(is_first, "211")
        async with mesh.patched("b", replaced(212)):
            await mesh.until(is_last, "212")
            file = mesh.lab.config / "a.yaml"
            file.write_text(file.read_text().replace("spec:\n", "spec:\n  priority: 1\n"))
            await mesh.until(is_first, "211 again")


async def test_an_extension_is_asked_for_by_name(mesh: FilterMesh) -> None:
    patches = f"""\
- applyTo: EXTENSION_CONFIG
  patch: {{operation: ADD, value: {{name: my-lua, typed_config: {lua("x-extension")}}}}}
- applyTo: HTTP_FILTER
  match:
    context: SIDECAR_OUTBOUND
    listener: {{filterChain: {{filter: {{name: {HTTP}, subFilter: {{name: envoy.filters.http.router}}}}}}}}
  patch:
    operation: INSERT_BEFORE
    value:
      name: my-lua
      config_discovery:
        config_source: {{ads: {{}}, resource_api_version: V3}}
        type_urls: ["{LUA}"]
"""

    async def is_run() -> bool:
        return (await mesh.outbound()).headers.get("x-extension") == "yes"

    async with mesh.patched("extension", patches):
        await mesh.until(is_run, "x-extension")


async def test_what_a_patch_cannot_do_is_told_and_nothing_else_is_affected(mesh: FilterMesh) -> None:
    patches = f"""\
- applyTo: HTTP_FILTER
  match: {{context: SIDECAR_INBOUND}}
  patch: {{operation: ADD, value: {{name: late, typed_config: {lua("x-late")}}}}}
- applyTo: VIRTUAL_HOST
  match: {{context: SIDECAR_INBOUND, routeConfiguration: {{vhost: {{name: "inbound|http|{INBOUND_PORT}1"}}}}}}
  patch: {{operation: MERGE, value: {{request_headers_to_remove: [x]}}}}
{before_the_router("SIDECAR_INBOUND", "early", lua("x-early"))}"""

    async def is_run() -> bool:
        return (await mesh.inbound()).headers.get("x-early") == "yes"

    async with mesh.patched("wrong", patches, selector="web"):
        await mesh.until(is_run, "x-early")
        assert "x-late" not in (await mesh.inbound()).headers
        late = await mesh.finds("comes after Router")
        assert late["object"] == {"kind": "EnvoyFilter", "namespace": "default", "name": "wrong"}
        assert late["path"] == "spec.configPatches[0]"
        near = await mesh.finds("matches nothing")
        assert f"the nearest: inbound|http|{INBOUND_PORT}" in str(near["reason"])
        assert (str(near["file"]).endswith("wrong.yaml"), near["line"]) == (True, 10)
