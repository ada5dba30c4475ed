"""Clients that misbehave: the server stays up, others notice nothing, and the log tells it once."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Iterator, MutableMapping, Sequence
from contextlib import asynccontextmanager

import pytest
from google.protobuf.json_format import Parse
from google.protobuf.struct_pb2 import Struct, Value
from grpc import aio  # type: ignore[import-untyped]  # grpcio ships no types
from prometheus_client import CollectorRegistry, generate_latest
from structlog.testing import capture_logs

from tests.features.client import ADS, SOON, DeltaStream, Fixture, names, node, resource, serving
from xds.app.metrics import Metrics
from xds.protocol.limits import MAX_NAMES, MAX_NODE_BYTES
from xds.resources import CLUSTER, EMPTY_SNAPSHOT, ENDPOINT, SECRET
from xds.server import BroadcastSource, StatusBoard, XdsServer
from xds.wire.core_pb2 import Node
from xds.wire.discovery_pb2 import DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest

UNAFFECTED = 2.0
"""Seconds within which a well-behaved client must get every change, on a machine that is busy with the tests."""
ATTEMPTS = 5
BAD_NODE = "sidecar~127.77.9.9~bad.default~default.svc.cluster.local"

Logs = Sequence[MutableMapping[str, object]]


@pytest.fixture
def logs() -> Iterator[Logs]:
    with capture_logs() as captured:
        yield captured


def events(logs: Logs) -> list[object]:
    return [log["event"] for log in logs]


@asynccontextmanager
async def unaffected(xds: Fixture) -> AsyncIterator[None]:
    """While the block runs, changes reach a well-behaved client, each within `UNAFFECTED`; at least one after it."""
    async with xds.delta() as good:
        await good.request(SECRET, ["s"], who=node())
        await good.request(SECRET, answers=await good.receive())
        over = asyncio.Event()
        follower = asyncio.create_task(_follow(xds, good, over))
        try:
            yield
        finally:
            over.set()
        worst = await follower
    assert worst < UNAFFECTED


async def _follow(xds: Fixture, good: DeltaStream, over: asyncio.Event) -> float:
    worst, number, last = 0.0, 0, False
    while not last:
        last, number = over.is_set(), number + 1
        began = time.perf_counter()
        xds.publish(resource(SECRET, "s", str(number)), resource(CLUSTER, "c", str(number)))
        response = await good.receive()
        worst = max(worst, time.perf_counter() - began)
        await good.request(SECRET, answers=response)
        await asyncio.sleep(0.01)
    return worst


async def refused(xds: Fixture, data: bytes) -> tuple[str, str]:
    """How a delta stream ends that begins with these bytes."""
    async with xds.delta() as bad:
        await bad.call.write(data)
        return await bad.end_status()


@pytest.mark.parametrize("data", [b"\xff\xff\xff", b"\x00" * 100, b"\x0a\xff\xff\xff\xff\x0f", b"\x12" * 100_000])
async def test_garbage(xds: Fixture, logs: Logs, data: bytes) -> None:
    async with unaffected(xds):
        for _ in range(ATTEMPTS):
            assert (await refused(xds, data))[0] in ("INVALID_ARGUMENT", "RESOURCE_EXHAUSTED")
    assert events(logs) == ["a stream was refused"]


async def test_garbage_on_an_open_stream(xds: Fixture, logs: Logs) -> None:
    async with unaffected(xds), xds.delta() as bad:
        await bad.request(CLUSTER, who=node(BAD_NODE))
        await bad.receive()
        await bad.call.write(b"\x0a\xff")
        assert (await bad.end_status())[0] == "INVALID_ARGUMENT"
    assert events(logs) == ["a stream was refused"]


async def test_wrong_type_urls_hold_the_stream_open_and_are_told_once(xds: Fixture, logs: Logs) -> None:
    async with unaffected(xds):
        for _ in range(ATTEMPTS):
            async with xds.delta() as bad:
                await bad.request("type.googleapis.com/acme.Thing", who=node(BAD_NODE))
                await bad.request(CLUSTER)
                assert names(await bad.receive()) == ["c"]
    assert [log["type"] for log in logs] == ["type.googleapis.com/acme.Thing"]


async def test_types_that_clients_make_up_do_not_become_metrics() -> None:
    registry = CollectorRegistry()
    server = XdsServer(BroadcastSource(EMPTY_SNAPSHOT), StatusBoard(time.time, [Metrics(registry)]))
    port = await server.start("127.0.0.1:0")
    async with aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        method = f"{ADS}/DeltaAggregatedResources"
        async with DeltaStream(channel, method, DeltaDiscoveryResponse.FromString) as bad:
            for number in range(3):
                await bad.request(f"type.googleapis.com/acme.Thing{number}", ["x"], who=node(BAD_NODE))
                await bad.receive()
    await server.stop()
    assert registry.get_sample_value("pilot_xds_pushes", {"type": "other"}) == 3
    assert b"Thing" not in generate_latest(registry)


async def test_very_many_or_very_long_type_urls_are_refused(xds: Fixture, logs: Logs) -> None:
    async with unaffected(xds):
        async with xds.delta() as bad:
            await bad.request("x" * 10_000, who=node(BAD_NODE))
            assert (await bad.end_status())[0] == "RESOURCE_EXHAUSTED"
        async with xds.delta() as bad:
            await bad.request("0", who=node(BAD_NODE))
            for number in range(1, 65):
                await bad.request(str(number))
            assert (await bad.end_status())[0] == "INVALID_ARGUMENT"
    assert len(logs) < 30


@pytest.mark.parametrize("request_type", [DiscoveryRequest, DeltaDiscoveryRequest])
async def test_a_50_mb_node(
    xds: Fixture, logs: Logs, request_type: type[DiscoveryRequest | DeltaDiscoveryRequest]
) -> None:
    data = request_type(node=Node(id=BAD_NODE, cluster="x" * (50 << 20)), type_url=CLUSTER).SerializeToString()
    async with unaffected(xds):
        for _ in range(2):
            async with xds.delta() if request_type is DeltaDiscoveryRequest else xds.sotw() as bad:
                await bad.call.write(data)
                code, details = await bad.end_status()
                assert (code, str(MAX_NODE_BYTES) in details) == ("RESOURCE_EXHAUSTED", True)
    assert events(logs) == ["a stream was refused"]


async def test_a_node_in_many_pieces_is_as_large_as_all_of_them(xds: Fixture) -> None:
    piece = DeltaDiscoveryRequest(node=Node(id=BAD_NODE, cluster="x" * 100_000)).SerializeToString()
    assert (await refused(xds, piece * 6))[0] == "RESOURCE_EXHAUSTED"


@pytest.mark.parametrize("metadata", ['{"LABELS": {"app": 1}}', '{"NAMESPACE": ["default"]}'])
async def test_metadata_of_the_wrong_type(xds: Fixture, logs: Logs, metadata: str) -> None:
    async with xds.delta() as bad:
        await bad.request(CLUSTER, who=Node(id=BAD_NODE, metadata=Parse(metadata, Struct())))
        assert (await bad.end_status())[0] == "INVALID_ARGUMENT"
    assert events(logs) == ["a stream was refused"]


async def test_metadata_that_have_no_json_form(xds: Fixture, logs: Logs) -> None:
    metadata = Struct(fields={"NUMBER": Value(number_value=math.nan)})
    async with xds.delta() as bad:
        await bad.request(CLUSTER, who=Node(id=BAD_NODE, metadata=metadata))
        assert (await bad.end_status())[0] == "INVALID_ARGUMENT"
    assert events(logs) == ["a stream was refused"]


async def test_a_long_node_id_is_not_repeated_in_full(xds: Fixture, logs: Logs) -> None:
    async with xds.delta() as bad:
        await bad.request(CLUSTER, who=Node(id="x" * 100_000))
        code, details = await bad.end_status()
    assert (code, len(details) < 200) == ("RESOURCE_EXHAUSTED", True)
    assert len(str(logs)) < 1000


NAMES = [f"outbound|80||service-{number}.default.svc.cluster.local" for number in range(100_000)]


@pytest.mark.parametrize(
    "request_",
    [
        DeltaDiscoveryRequest(node=node(BAD_NODE), type_url=ENDPOINT, resource_names_subscribe=NAMES),
        DiscoveryRequest(node=node(BAD_NODE), type_url=ENDPOINT, resource_names=NAMES),
    ],
    ids=["delta", "sotw"],
)
async def test_100_000_names_are_refused(
    xds: Fixture, logs: Logs, request_: DeltaDiscoveryRequest | DiscoveryRequest
) -> None:
    data = request_.SerializeToString()
    async with unaffected(xds):
        for _ in range(ATTEMPTS):
            async with xds.delta() if isinstance(request_, DeltaDiscoveryRequest) else xds.sotw() as bad:
                await bad.call.write(data)
                assert (await bad.end_status())[0] == "RESOURCE_EXHAUSTED"
    assert events(logs) == ["a stream was refused"]


async def test_names_subscribed_bit_by_bit_are_limited_too(xds: Fixture) -> None:
    async with xds.delta() as bad:
        await bad.request(ENDPOINT, [f"a{number}" for number in range(MAX_NAMES // 2)], who=node(BAD_NODE))
        await bad.receive()
        await bad.request(ENDPOINT, [f"b{number}" for number in range(MAX_NAMES // 2 + 1)])
        code, details = await bad.end_status()
    assert (code, str(MAX_NAMES) in details) == ("RESOURCE_EXHAUSTED", True)


async def test_a_client_that_never_reads(logs: Logs) -> None:
    async with serving(patience=0.2) as xds:
        large = [resource(ENDPOINT, str(number), "x" * 500_000) for number in range(20)]
        xds.publish(*large)
        for _ in range(2):
            async with xds.delta() as bad:
                await bad.request(ENDPOINT, [str(number) for number in range(20)], who=node(BAD_NODE))
                await _board_shows(xds, ENDPOINT)
                await _logged(logs, "the proxy does not read what it is sent")
                async with unaffected(xds):
                    await asyncio.sleep(0.3)
            await _board_is_empty(xds)
            xds.publish(*large)
        assert events(logs).count("the proxy does not read what it is sent") == 1


async def test_a_client_that_goes_away_in_the_middle_of_a_response(xds: Fixture, logs: Logs) -> None:
    xds.publish(resource(ENDPOINT, "e", "x" * 20_000_000))
    for _ in range(ATTEMPTS):
        async with xds.delta() as bad:
            await bad.request(ENDPOINT, ["e"], who=node(BAD_NODE))
            await _board_shows(xds, ENDPOINT)
        await _board_is_empty(xds)
    assert events(logs) == []


async def test_a_client_that_never_answers(logs: Logs) -> None:
    async with serving(patience=0.1) as xds, unaffected(xds):
        for _ in range(3):
            async with xds.delta() as bad:
                await bad.request(CLUSTER, who=node(BAD_NODE))
                for _ in range(3):
                    await bad.receive()
    told = [log for log in logs if log["event"] == "the proxy has not answered; going on without"]
    assert [(log["proxy"], log["types"]) for log in told] == [("bad.default", ["Cluster"])]


async def test_a_client_that_rejects_everything(xds: Fixture, logs: Logs) -> None:
    async with unaffected(xds):
        for _ in range(ATTEMPTS):
            async with xds.delta() as bad:
                await bad.request(CLUSTER, who=node(BAD_NODE))
                for _ in range(10):
                    await bad.request(CLUSTER, answers=await bad.receive(), error="c: I do not want it")
    assert [(log["reason"], log["proxy"]) for log in logs] == [("c: I do not want it", "bad.default")]


async def _board_shows(xds: Fixture, type_url: str) -> None:
    async with asyncio.timeout(SOON):
        while not any(type_url in stream.types for stream in xds.board.streams):  # noqa: ASYNC110 - it wakes nobody
            await asyncio.sleep(0.01)


async def _board_is_empty(xds: Fixture) -> None:
    async with asyncio.timeout(SOON):
        while xds.board.streams:  # noqa: ASYNC110 - the board is read, it wakes nobody
            await asyncio.sleep(0.01)


async def _logged(logs: Logs, event: str) -> None:
    async with asyncio.timeout(SOON):
        while event not in events(logs):  # noqa: ASYNC110 - a log wakes nobody
            await asyncio.sleep(0.01)
