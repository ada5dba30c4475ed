"""Local rate limiting, in the forms in which it is written for Istio. Buckets that are not filled again, so that the
clock has no say in what is counted."""

from __future__ import annotations

import pytest

from e2e.envoyfilter.mesh import INBOUND_PORT, FilterMesh
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMIT = """\
stat_prefix: http_local_rate_limiter
token_bucket: {max_tokens: 4, tokens_per_fill: 4, fill_interval: 3600s}
filter_enabled: {runtime_key: on, default_value: {numerator: 100, denominator: HUNDRED}}
filter_enforced: {runtime_key: sure, default_value: {numerator: 100, denominator: HUNDRED}}
response_headers_to_add:
- append_action: OVERWRITE_IF_EXISTS_OR_ADD
  header: {key: x-local-rate-limit, value: "true"}
"""

KIND = "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"


def inserted(config: str) -> str:
    """The filter, first of those for requests to the workload. config: of it, in YAML's flow style."""
    return f"""\
- applyTo: HTTP_FILTER
  match:
    context: SIDECAR_INBOUND
    listener:
      filterChain:
        filter: {{name: envoy.filters.network.http_connection_manager}}
  patch:
    operation: INSERT_BEFORE
    value:
      name: envoy.filters.http.local_ratelimit
      typed_config: {config}
"""


def typed(limit: str, depth: int) -> str:
    """The message itself, as a block."""
    lines = [f'"@type": {KIND}', *limit.splitlines()]
    return "".join(f"\n{' ' * depth}{line}" for line in lines)


def typed_struct(limit: str, depth: int) -> str:
    """The same as a TypedStruct, as a block."""
    lines = ['"@type": type.googleapis.com/udpa.type.v1.TypedStruct', f"type_url: {KIND}", "value:"]
    return "".join(f"\n{' ' * depth}{line}" for line in (*lines, *(f"  {line}" for line in limit.splitlines())))


async def limited_after(mesh: FilterMesh, path: str = "/") -> tuple[list[int], str]:
    """The statuses of five requests, and what the last answer says of the limit, once there is one."""

    async def is_limited() -> bool:
        return (await mesh.inbound(path)).status == 429

    await mesh.until(is_limited, "429")
    last = await mesh.inbound(path)
    return [last.status], str(last.headers.get("x-local-rate-limit"))


@proves(
    "EnvoyFilter",
    "spec.configPatches.applyTo",
    "spec.configPatches.match.context",
    "spec.configPatches.match.listener.filterChain.filter.name",
    "spec.configPatches.patch.operation",
    "spec.configPatches.patch.value",
    "spec.workloadSelector.labels",
)
async def test_everything_that_a_workload_receives_is_limited(mesh: FilterMesh) -> None:
    async with mesh.patched("all", inserted(typed_struct(LIMIT, 8)), selector="web"):
        assert await limited_after(mesh) == ([429], "true")
        assert (await mesh.outbound()).ok
    await has_no_limit(mesh)


@proves(
    "EnvoyFilter",
    "spec.configPatches.match.routeConfiguration.vhost.name",
    "spec.configPatches.match.routeConfiguration.vhost.route.action",
)
@pytest.mark.parametrize("target", ["VIRTUAL_HOST", "HTTP_ROUTE"])
async def test_a_port_of_a_workload_is_limited_by_the_name_of_its_virtual_host(mesh: FilterMesh, target: str) -> None:
    route = ", route: {action: ANY}" if target == "HTTP_ROUTE" else ""
    patches = f"""\
{inserted(typed("stat_prefix: http_local_rate_limiter", 8))}\
- applyTo: {target}
  match:
    context: SIDECAR_INBOUND
    routeConfiguration: {{vhost: {{name: "inbound|http|{INBOUND_PORT}"{route}}}}}
  patch:
    operation: MERGE
    value:
      typed_per_filter_config:
        envoy.filters.http.local_ratelimit:{typed(LIMIT, 10)}
"""
    async with mesh.patched(target.lower().replace("_", "-"), patches):
        assert await limited_after(mesh) == ([429], "true")
    await has_no_limit(mesh)


async def test_so_many_requests_are_let_through_as_there_are_tokens(mesh: FilterMesh) -> None:
    """Counted in a route that nobody asks for before the limit is there: the filter of its own says when it is."""
    marker = "response_headers_to_add: [{header: {key: x-limited, value: 'yes'}}]"
    descriptors = f"""\
{inserted(typed("stat_prefix: http_local_rate_limiter", 8))}\
- applyTo: HTTP_ROUTE
  match: {{context: SIDECAR_INBOUND, routeConfiguration: {{vhost: {{name: "inbound|http|{INBOUND_PORT}"}}}}}}
  patch:
    operation: INSERT_FIRST
    value:
      name: counted
      match: {{prefix: /counted}}
      route: {{cluster: "inbound|{INBOUND_PORT}||"}}
      typed_per_filter_config:
        envoy.filters.http.local_ratelimit:{typed(LIMIT, 10)}
- applyTo: ROUTE_CONFIGURATION
  match: {{context: SIDECAR_INBOUND}}
  patch: {{operation: MERGE, value: {{{marker}}}}}
"""

    async def is_there() -> bool:
        return "x-limited" in (await mesh.inbound("/other")).headers

    async with mesh.patched("counted", descriptors):
        await mesh.until(is_there, "the limit")
        assert [(await mesh.inbound("/counted")).status for _ in range(6)] == [200] * 4 + [429] * 2
        assert (await mesh.inbound("/other")).status == 200
    await has_no_limit(mesh)


async def has_no_limit(mesh: FilterMesh) -> None:
    """Returns when requests get through again."""

    async def is_free() -> bool:
        return [(await mesh.inbound()).status for _ in range(6)] == [200] * 6

    await mesh.until(is_free, "no limit")
