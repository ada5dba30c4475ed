"""Behaviour 41: REST, over real HTTP."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import NoReturn

import aiohttp
import pytest
from structlog.testing import capture_logs

from tests.features.client import NODE_ID, snapshot
from tests.features.envoy import cluster, endpoints, listener, route
from xds.console import HttpServer
from xds.model.proxy import Proxy
from xds.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, TypeUrl
from xds.server import BroadcastSource
from xds.server.rest import MAX_BODY_BYTES, PATHS, create_rest_app

NODE = {"id": NODE_ID, "userAgentName": "envoy", "extensions": [{"name": "x", "category": "y"}]}
RESOURCES = (
    cluster("a"),
    cluster("b"),
    endpoints("a", [("127.0.0.1", 80)]),
    listener("l", "127.0.0.1", 8080, "r"),
    route("r", "a"),
)
NAMES: Mapping[TypeUrl, list[str]] = {CLUSTER: [], LISTENER: [], ENDPOINT: ["a", "missing"], ROUTE: ["r"]}


class Rest:
    """A client of a server of its own."""

    def __init__(self, source: BroadcastSource, http: aiohttp.ClientSession, port: int) -> None:
        self.source = source
        self.port = port
        self._http = http
        self._url = f"http://127.0.0.1:{port}"

    async def post(self, path: str, **fields: object) -> tuple[int, dict[str, object]]:
        async with self._http.post(f"{self._url}{path}", json={"node": NODE, **fields}) as response:
            return response.status, await response.json() if response.content_type == "application/json" else {}

    async def post_bytes(self, body: bytes) -> int:
        async with self._http.post(f"{self._url}/v3/discovery:clusters", data=io.BytesIO(body)) as response:
            return response.status


@pytest.fixture
async def rest() -> AsyncIterator[Rest]:
    async with serving(BroadcastSource(snapshot(*RESOURCES))) as client:
        yield client


@asynccontextmanager
async def serving(source: BroadcastSource) -> AsyncIterator[Rest]:
    server = HttpServer(create_rest_app(source), "127.0.0.1", 0)
    task = asyncio.create_task(server.serve())
    try:
        async with aiohttp.ClientSession() as http:
            yield Rest(source, http, server.port)
    finally:
        server.stop()
        await task


@pytest.mark.parametrize("path", [path for path, type_url in PATHS.items() if type_url in NAMES])
async def test_b41_json_and_then_304(rest: Rest, path: str) -> None:
    type_url = PATHS[path]
    status, response = await rest.post(path, resourceNames=NAMES[type_url])
    assert (status, response["type_url"]) == (200, type_url)
    assert response["resources"]
    again, _ = await rest.post(path, resource_names=NAMES[type_url], version_info=response["version_info"])
    assert again == 304


async def test_b41_resources_are_whole_and_have_their_type(rest: Rest) -> None:
    _, response = await rest.post("/v3/discovery:routes", resource_names=["r"])
    assert response["resources"] == [
        {
            "@type": ROUTE,
            "name": "r",
            "virtual_hosts": [
                {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "a"}}]}
            ],
        }
    ]


async def test_b41_a_change_is_not_304(rest: Rest) -> None:
    _, before = await rest.post("/v3/discovery:clusters")
    rest.source.publish(snapshot(cluster("a")))
    status, after = await rest.post("/v3/discovery:clusters", version_info=before["version_info"])
    assert (status, _names(after)) == (200, ["a"])


async def test_b41_a_change_of_what_was_not_asked_for_is_304(rest: Rest) -> None:
    _, before = await rest.post("/v3/discovery:clusters", resource_names=["a"])
    assert _names(before) == ["a"]
    rest.source.publish(snapshot(cluster("a"), cluster("c")))
    status, _ = await rest.post("/v3/discovery:clusters", resource_names=["a"], version_info=before["version_info"])
    assert status == 304


async def test_b41_the_order_of_names_means_nothing(rest: Rest) -> None:
    _, one = await rest.post("/v3/discovery:clusters", resource_names=["a", "b"])
    status, _ = await rest.post(
        "/v3/discovery:clusters", resource_names=["b", "a", "b"], version_info=one["version_info"]
    )
    assert status == 304


async def test_b41_every_type_is_served(rest: Rest) -> None:
    for path in PATHS:
        status, response = await rest.post(path, resource_names=["no such resource"])
        assert (status, response["resources"]) == (200, [])


async def test_503_until_the_configuration_is_known() -> None:
    async with serving(BroadcastSource()) as rest:
        assert (await rest.post("/v3/discovery:clusters"))[0] == 503


@pytest.mark.parametrize(
    "fields",
    [{"node": None}, {"node": {"id": "my-envoy"}}, {"type_url": LISTENER}, {"resource_names": 7}],
    ids=["no node", "unreadable node", "another type", "no list"],
)
async def test_a_request_that_makes_no_sense_is_400(rest: Rest, fields: Mapping[str, object]) -> None:
    with capture_logs() as logs:
        for _ in range(3):
            status, response = await rest.post("/v3/discovery:clusters", **fields)
            assert (status, bool(response["error"])) == (400, True)
    assert [log["event"] for log in logs] == ["a stream was refused"]


@pytest.mark.parametrize("body", [b"", b"\xff\xff", b"[]", b"[" * 100_000, b'{"node": 7}'])
async def test_garbage_is_400(rest: Rest, body: bytes) -> None:
    assert await rest.post_bytes(body) == 400


async def test_too_much_is_413(rest: Rest) -> None:
    assert await rest.post_bytes(b" " * (MAX_BODY_BYTES + 1)) == 413


async def test_a_client_that_goes_away_in_the_middle_is_no_defect(rest: Rest) -> None:
    with capture_logs() as logs:
        _, writer = await asyncio.open_connection("127.0.0.1", rest.port)
        writer.write(b"POST /v3/discovery:clusters HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
        await writer.drain()
        await asyncio.sleep(0.1)
        writer.close()
        await writer.wait_closed()
        assert (await rest.post("/v3/discovery:clusters"))[0] == 200
    assert logs == []


async def test_a_defect_is_500_and_told_once() -> None:
    class Broken(BroadcastSource):
        def connect(self, proxy: Proxy, wake: Callable[[], None]) -> NoReturn:
            raise ZeroDivisionError

    async with serving(Broken()) as rest:
        with capture_logs() as logs:
            assert [(await rest.post("/v3/discovery:clusters"))[0] for _ in range(3)] == [500] * 3
    assert [log["log_level"] for log in logs] == ["error"]


def _names(response: Mapping[str, object]) -> list[str]:
    resources = response["resources"]
    assert isinstance(resources, list)
    return [each["name"] for each in resources]
