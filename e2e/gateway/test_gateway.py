"""Requests from outside through a real gateway: hosts, paths, merged VirtualServices, addresses of its own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from e2e.addresses import Addresses
from e2e.explained import Explained, Seen
from e2e.gateway.mesh import PORT, configuration
from e2e.lab import Lab
from e2e.proofs import proves
from examples.bookinfo.topology import MESH_CONFIG
from xds.app.bootstrap import bootstrap
from xds.app.demo.bring_up import await_ready
from xds.app.demo.plan import ADMIN_PORT
from xds.app.demo.processes import Processes
from xds.app.demo.shop import Answer, fetch, new_session
from xds.app.explain.target import Asked
from xds.app.proxy_spec import ProxySpec
from xds.model.proxy import CaptureMode, ProxyType

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHOP = "shop.example.com"


@dataclass(frozen=True)
class Gateway:
    """The gateway, from outside. front, back: its addresses. Every answer is compared with what is explained."""

    lab: Lab
    front: str
    back: str
    spec: ProxySpec
    explained: Explained

    async def get(self, host: str, path: str = "/", headers: Mapping[str, str] | None = None) -> Answer:
        """The answer of the front address to a request for this host."""
        return await self._fetch(self.front, path, {**(headers or {}), "host": host})

    async def get_at_the_back(self, host: str) -> Answer:
        """The answer of the other address."""
        return await self._fetch(self.back, "/", {"host": host})

    async def _fetch(self, address: str, path: str, headers: Mapping[str, str]) -> Answer:
        url = f"http://{address}:{PORT}{path}"
        answer = await fetch(self.lab.session, url, headers)
        self.explained.check(self.spec, Asked("GET", url, tuple(headers.items())), seen(self.lab, answer))
        return answer


def seen(lab: Lab, answer: Answer) -> Seen:
    """What came back, as an explanation puts it."""
    if not answer.ok:
        return Seen(answer.status, location=answer.headers.get("location", ""))
    received = json.loads(answer.body)
    endpoint = lab.echoes[received["instance"]]
    return Seen(200, endpoint, path=received["path"].partition("?")[0], authority=received["headers"]["Host"])


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def gateway(
    tmp_path_factory: pytest.TempPathFactory, envoy: Path, addresses: Addresses
) -> AsyncIterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")
    async with AsyncExitStack() as stack:
        processes = await stack.enter_async_context(Processes(folder))
        lab = Lab(folder, envoy, addresses, stack, processes, await stack.enter_async_context(new_session()))
        instances = {version: await lab.echo(version) for version in ("v1", "v2")}
        front, back, ip = addresses.new(), addresses.new(), addresses.new()
        for name, text in configuration(front, back, instances).items():
            lab.write(name, text)
        await lab.serve()
        labels = {"istio": "ingressgateway"}
        spec = ProxySpec("gateway", "default", ip, ProxyType.ROUTER, CaptureMode.NONE, labels=labels)
        await _start(lab, spec)
        yield Gateway(lab, front, back, spec, Explained(lab.config, MESH_CONFIG))


async def _start(lab: Lab, spec: ProxySpec) -> None:
    child = await lab.run_envoy("gateway", bootstrap(spec, f"{lab.control_plane}:15010", ADMIN_PORT))
    await await_ready(lab.session, f"http://{spec.ip}:{ADMIN_PORT}/ready", child)


def instance(answer: Answer) -> str:
    """Who answered; the status if that was not one of the services."""
    return str(json.loads(answer.body)["instance"]) if answer.ok else str(answer.status)


@pytest.mark.parametrize("host", [SHOP, f"{SHOP}:{PORT}", SHOP.upper()])
async def test_a_host_is_known_with_and_without_port_in_any_case(gateway: Gateway, host: str) -> None:
    assert instance(await gateway.get(host)) == "v1"


async def test_of_two_virtual_services_the_older_has_a_path_that_both_name(gateway: Gateway) -> None:
    assert instance(await gateway.get(SHOP, "/login")) == "v1"


@proves("VirtualService", "spec.gateways")
async def test_what_catches_everything_comes_after_the_routes_of_the_younger(gateway: Gateway) -> None:
    assert instance(await gateway.get(SHOP, "/cart/items")) == "v2"
    assert instance(await gateway.get(SHOP, "/anything")) == "v1"


async def test_an_exact_path_is_no_prefix(gateway: Gateway) -> None:
    found = await gateway.get(SHOP, "/moved")
    longer = await gateway.get(SHOP, "/moved/away")

    assert (found.status, found.headers["location"]) == (301, f"http://{SHOP}/login")
    assert instance(longer) == "v1"


async def test_a_prefix_is_rewritten(gateway: Gateway) -> None:
    answer = await gateway.get(SHOP, "/api/items?page=2")

    assert json.loads(answer.body)["path"] == "/items?page=2"


async def test_a_host_below_a_wildcard_of_the_gateway(gateway: Gateway) -> None:
    assert instance(await gateway.get("a.wild.example.com", "/only/this")) == "v2"


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("unknown.example.com", "/"),
        ("a.wild.example.com", "/other"),
        ("b.wild.example.com", "/"),
        ("example.com", "/"),
    ],
    ids=["unknown host", "unknown path", "a VirtualService of sidecars alone", "a parent domain"],
)
@proves("Gateway", "spec.servers.hosts")
async def test_nothing_else_is_found(gateway: Gateway, host: str, path: str) -> None:
    assert instance(await gateway.get(host, path)) == "404"


@pytest.mark.parametrize("host", ["unknown.example.com", SHOP])
@proves("Gateway", "spec.servers.bind")
async def test_another_address_of_the_gateway_has_routes_of_its_own(gateway: Gateway, host: str) -> None:
    assert instance(await gateway.get_at_the_back(host)) == "v2"


async def test_what_a_client_says_about_itself_is_not_believed(gateway: Gateway) -> None:
    claims = {"x-forwarded-client-cert": "By=me", "x-forwarded-for": "10.0.0.1", "x-forwarded-proto": "https"}
    headers = json.loads((await gateway.get(SHOP, headers=claims)).body)["headers"]
    received = {name.lower(): value for name, value in headers.items()}

    assert "x-forwarded-client-cert" not in received
    assert len(received["x-forwarded-for"].split(",")) == 2, "the claim, and the address that Envoy saw"
    assert received["x-forwarded-proto"] == "http"
