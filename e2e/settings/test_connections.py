"""Limits and times of the client's side, and headers that proxies add."""

from __future__ import annotations

import asyncio

import pytest

from e2e.addresses import Addresses
from e2e.lab import SERVICE_PORT
from e2e.policy.instance import running
from e2e.proofs import proves
from e2e.services import service
from e2e.settings.world import GATEWAY_PORT, HOST, World, headers_of, until
from xds.app.demo.shop import fetch

pytestmark = pytest.mark.asyncio(loop_scope="module")

_SOON_SECONDS = 2.0


_GET = b"GET / HTTP/1.1\r\nhost: shop.example.com\r\n"


async def talk(world: World, said: bytes) -> bytes:
    """Everything that the gateway says on one connection until it closes it, which has to be soon."""
    reader, writer = await asyncio.open_connection(world.gateway.ip, GATEWAY_PORT)
    try:
        writer.write(said)
        return await asyncio.wait_for(reader.read(), _SOON_SECONDS)
    except (ConnectionResetError, TimeoutError):
        return b""
    finally:
        writer.close()


async def status(world: World, said: bytes) -> bytes:
    """The status line that the gateway answers with; empty if it says nothing for some time."""
    reader, writer = await asyncio.open_connection(world.gateway.ip, GATEWAY_PORT)
    try:
        writer.write(said)
        return await asyncio.wait_for(reader.readline(), _SOON_SECONDS)
    except (ConnectionResetError, TimeoutError):
        return b""
    finally:
        writer.close()


@proves("MeshConfig", "defaultConfig.connectionSettings.httpRequestHeadersTimeout")
async def test_who_does_not_finish_its_headers_is_sent_away(world: World) -> None:
    world.configure("defaultConfig: {connectionSettings: {httpRequestHeadersTimeout: 0.2s}}")

    async def is_sent_away() -> bool:
        return b" 408 " in await status(world, _GET)

    await until(is_sent_away, "408")


@proves("MeshConfig", "defaultConfig.connectionSettings.httpRequestTimeout")
async def test_who_does_not_finish_its_body_is_sent_away(world: World, addresses: Addresses) -> None:
    slow = await world.lab.stack.enter_async_context(running("slow", addresses.new(), SERVICE_PORT))
    slow.gate.clear()
    world.lab.write("slow.yaml", service("slow", {"v1": slow.address}) + _SLOW)
    world.configure("defaultConfig: {connectionSettings: {httpRequestTimeout: 0.2s}}")
    unfinished = _GET.replace(b"GET /", b"POST /slow") + b"content-length: 5\r\n\r\nab"

    async def is_sent_away() -> bool:
        return b" 408 " in await status(world, unfinished)

    await until(is_sent_away, "408")


@proves(
    "MeshConfig",
    "defaultConfig.connectionSettings.httpIdleTimeout",
    "defaultConfig.connectionSettings.httpDrainTimeout",
)
async def test_an_idle_connection_ends(world: World) -> None:
    world.configure("defaultConfig: {connectionSettings: {httpIdleTimeout: 0.2s, httpDrainTimeout: 0.1s}}")
    counter = f"http.outbound_{world.gateway.ip}_{GATEWAY_PORT};?.downstream_cx_idle_timeout"

    async def has_ended() -> bool:
        await talk(world, _GET + b"\r\n")
        return await world.gateway_stat(counter) > 0

    await until(has_ended, "an idle timeout")


@proves("MeshConfig", "defaultConfig.connectionSettings.httpHeadersWithUnderscoresAction")
async def test_underscores_in_header_names(world: World) -> None:
    def action(name: str) -> str:
        return f"defaultConfig: {{connectionSettings: {{httpHeadersWithUnderscoresAction: {name}}}}}"

    async def is_dropped() -> bool:
        answer = await world.gateway.get(headers={"x_test": "1"})
        return answer.ok and "x_test" not in headers_of(answer)

    async def is_refused() -> bool:
        return (await world.gateway.get(headers={"x_test": "1"})).status == 400

    await world.configured(action("HEADERS_WITH_UNDERSCORES_DROP_HEADER"), is_dropped)
    await world.configured(action("HEADERS_WITH_UNDERSCORES_REJECT_REQUEST"), is_refused)


@proves(
    "MeshConfig",
    "defaultConfig.connectionSettings.httpMergeSlashes",
    "defaultConfig.connectionSettings.httpPathWithEscapedSlashesAction",
    "defaultConfig.connectionSettings.profile",
)
async def test_the_edge_profile_is_for_gateways(world: World) -> None:
    async def is_redirected() -> bool:
        return (await world.gateway.get("/a%2Fb")).headers.get("location", "").endswith("/a/b")

    await world.configured("defaultConfig: {connectionSettings: {profile: EDGE}}", is_redirected)
    assert '"path": "/a/b"' in (await world.gateway.get("/a//b")).body
    assert '"path": "/a%2Fb"' in (await world.client.get("whole", "/a%2Fb")).body
    own = "{profile: EDGE, httpPathWithEscapedSlashesAction: REJECT_REQUEST, httpMergeSlashes: false}"

    async def is_refused() -> bool:
        return (await world.gateway.get("/a%2Fb")).status == 400

    await world.configured(f"defaultConfig: {{connectionSettings: {own}}}", is_refused)
    assert '"path": "/a//b"' in (await world.gateway.get("/a//b")).body


@proves("MeshConfig", "defaultConfig.connectionSettings.listenerConnectionLimit")
async def test_connections_beyond_the_limit_are_closed(world: World) -> None:
    world.configure("defaultConfig: {connectionSettings: {listenerConnectionLimit: 1}}")
    counter = f"connection_limit.{world.gateway.ip}_{GATEWAY_PORT}.limited_connections"

    async def is_limited() -> bool:
        _, first = await asyncio.open_connection(world.gateway.ip, GATEWAY_PORT)
        _, second = await asyncio.open_connection(world.gateway.ip, GATEWAY_PORT)
        limited = await world.gateway_stat(counter) > 0
        first.close()
        second.close()
        return limited

    await until(is_limited, "a connection is closed")


@proves("MeshConfig", "defaultConfig.gatewayTopology.proxyProtocol")
async def test_a_gateway_behind_a_proxy_knows_its_clients(world: World) -> None:
    announced = b"PROXY TCP4 192.0.2.7 192.0.2.8 1000 80\r\n" + _GET + b"connection: close\r\n\r\n"

    async def is_known() -> bool:
        return b'"192.0.2.7"' in await talk(world, announced)

    await world.configured("defaultConfig: {gatewayTopology: {proxyProtocol: {}}}", is_known)
    assert await talk(world, _GET + b"\r\n") == b""


@proves("MeshConfig", "defaultConfig.gatewayTopology.numTrustedProxies")
async def test_a_gateway_believes_as_many_proxies_as_it_is_told(world: World) -> None:
    said = {"x-forwarded-for": "192.0.2.9, 192.0.2.10"}

    async def is_believed() -> bool:
        return headers_of(await world.gateway.get(headers=said)).get("x-envoy-external-address") == "192.0.2.10"

    await world.configured("defaultConfig: {gatewayTopology: {numTrustedProxies: 1}}", is_believed)


@proves(
    "MeshConfig",
    "defaultConfig.proxyHeaders.attemptCount.disabled",
    "defaultConfig.proxyHeaders.envoyDebugHeaders.disabled",
    "defaultConfig.proxyHeaders.requestId.disabled",
)
async def test_headers_that_a_proxy_adds_can_be_turned_off(world: World) -> None:
    answer = await world.gateway.get()
    assert {"x-request-id", "x-envoy-attempt-count"} <= headers_of(answer).keys()
    assert "x-envoy-upstream-service-time" in answer.headers
    off = "{attemptCount: {disabled: true}, envoyDebugHeaders: {disabled: true}, requestId: {disabled: true}}"

    async def are_off() -> bool:
        answer = await world.gateway.get()
        received = headers_of(answer).keys()
        told = "x-envoy-upstream-service-time" in answer.headers
        return not told and received.isdisjoint({"x-request-id", "x-envoy-attempt-count"})

    await world.configured(f"defaultConfig: {{proxyHeaders: {off}}}", are_off)


@proves(
    "MeshConfig",
    "defaultConfig.proxyHeaders.server.value",
    "defaultConfig.proxyHeaders.server.disabled",
    "defaultConfig.proxyHeaders.xForwardedPort.enabled",
)
async def test_what_a_proxy_calls_itself_and_its_port(world: World) -> None:
    async def is_named() -> bool:
        return (await world.gateway.get()).headers.get("server", "") == "shop"

    await world.configured("defaultConfig: {proxyHeaders: {server: {value: shop}}}", is_named)

    async def tells_its_port() -> bool:
        return headers_of(await world.gateway.get()).get("x-forwarded-port") == str(GATEWAY_PORT)

    await world.configured("defaultConfig: {proxyHeaders: {xForwardedPort: {enabled: true}}}", tells_its_port)

    async def is_the_servers() -> bool:
        return "aiohttp" in (await world.gateway.get()).headers.get("server", "")

    await world.configured("defaultConfig: {proxyHeaders: {server: {disabled: true}}}", is_the_servers)


@proves("MeshConfig", "defaultConfig.proxyHeaders.xForwardedHost.enabled")
async def test_a_rewritten_host_is_told(world: World) -> None:
    world.lab.write("renamed.yaml", service("renamed", {"v1": world.lab.echoes["v1"]}) + _REWRITTEN)

    async def is_told() -> bool:
        answer = await world.client.get("renamed")
        return answer.ok and headers_of(answer).get("x-forwarded-host") == f"renamed:{SERVICE_PORT}"

    await world.configured("defaultConfig: {proxyHeaders: {xForwardedHost: {enabled: true}}}", is_told)


@proves("MeshConfig", "defaultConfig.proxyHeaders.preserveHttp1HeaderCase")
async def test_the_case_of_header_names_is_kept(world: World) -> None:
    asking = _GET + b"X-mIxEd: 1\r\nconnection: close\r\n\r\n"

    async def is_kept() -> bool:
        return b'"X-mIxEd"' in await talk(world, asking)

    await world.configured("defaultConfig: {proxyHeaders: {preserveHttp1HeaderCase: true}}", is_kept)


@proves("MeshConfig", "defaultConfig.proxyHeaders.forwardedClientCert")
async def test_what_sidecars_do_with_forwarded_certificates(world: World) -> None:
    said = {"x-forwarded-client-cert": "Hash=abc"}

    async def is_left() -> bool:
        answer = await fetch(world.lab.session, f"http://{world.inside.ip}:{SERVICE_PORT}/", said)
        return headers_of(answer).get("x-forwarded-client-cert") == "Hash=abc"

    world.configure("")
    forwarding = "defaultConfig: {proxyHeaders: {forwardedClientCert: ALWAYS_FORWARD_ONLY}}"
    await world.configured(forwarding, is_left)


async def test_a_gateways_pod_has_a_configuration_of_its_own(world: World) -> None:
    world.configure("defaultConfig: {proxyHeaders: {server: {value: mesh}}}")
    world.lab.write("pod.yaml", _POD.format(ip=world.gateway.ip))

    async def is_its_own() -> bool:
        return (await world.gateway.get()).headers.get("server", "") == "own"

    await until(is_its_own, "the annotation is in force")
    assert (await world.client.get("inside")).ok


_SLOW = f"""\
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: slow
spec:
  hosts:
  - {HOST}
  gateways:
  - gateway
  http:
  - match:
    - uri:
        prefix: /slow
    route:
    - destination:
        host: slow
"""

_REWRITTEN = """\
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: renamed
spec:
  hosts:
  - renamed
  http:
  - rewrite:
      authority: other
    route:
    - destination:
        host: renamed
"""

_POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: gateway
  annotations:
    proxy.istio.io/config: '{{"proxyHeaders": {{"server": {{"value": "own"}}}}}}'
status:
  podIP: {ip}
"""
