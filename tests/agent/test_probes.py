"""Whether a workload is healthy: single looks at real servers and programs, what they say together, and on the wire."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from grpc import aio  # type: ignore[import-untyped]  # grpcio ships no types
from grpc_health.v1 import health, health_pb2, health_pb2_grpc  # type: ignore[import-untyped]  # grpcio ships no types
from hypothesis import given
from hypothesis import strategies as st

from xds.agent.workload.checks import look
from xds.agent.workload.prober import watch
from xds.agent.workload.verdict import Verdict
from xds.agent.workload.wire import PROBE, WireError, probe_in
from xds.app.probe_message import probe_message
from xds.model.probes import Check, ExecCheck, GrpcCheck, HttpCheck, Probe, TcpCheck
from xds.wire.discovery_pb2 import DeltaDiscoveryResponse, Resource

HOST = "127.0.0.1"
PORTS = st.integers(1, 65535)
WORDS = st.text("abc-/", min_size=1, max_size=5)
CHECKS = st.one_of(
    st.builds(HttpCheck, PORTS, WORDS, WORDS, st.booleans(), st.tuples(st.tuples(WORDS, WORDS))),
    st.builds(TcpCheck, PORTS, WORDS),
    st.builds(ExecCheck, st.tuples(WORDS, WORDS)),
    st.builds(GrpcCheck, PORTS, WORDS),
)
COUNTS = st.integers(1, 4)


async def found(check: Check, *, commands: bool = True, seconds: int = 5) -> str:
    return await look(Probe(check, timeout=seconds), commands=commands)


@asynccontextmanager
async def http(status: str) -> AsyncIterator[int]:
    """A server whose answers have this status; it wants a header."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            asked = head.startswith(b"GET /ready HTTP/1.1\r\n") and b"x-probe: 1" in head
            writer.write(f"HTTP/1.1 {status if asked else '400 Other'}\r\ncontent-length: 0\r\n\r\n".encode())
        except asyncio.IncompleteReadError:
            pass  # who only looks whether there is a connection says nothing
        finally:
            writer.close()

    async with await asyncio.start_server(serve, HOST, 0) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("status", "problem"),
    [("200 OK", ""), ("302 There", ""), ("404 No", "GET /ready: 404"), ("503 No", "GET /ready: 503")],
)
async def test_a_request(status: str, problem: str) -> None:
    async with http(status) as port:
        assert await found(HttpCheck(port, "/ready", headers=(("x-probe", "1"),))) == problem


async def test_a_connection() -> None:
    async with http("200 OK") as port:
        assert await found(TcpCheck(port)) == ""
    assert "127.0.0.1:1" in await found(TcpCheck(1))
    assert "127.0.0.1:1" in await found(HttpCheck(1))


async def test_a_call() -> None:
    server = aio.server()
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port(f"{HOST}:0")
    await server.start()
    try:
        await servicer.set("till", health_pb2.HealthCheckResponse.NOT_SERVING)
        assert await found(GrpcCheck(port)) == ""
        assert await found(GrpcCheck(port, "till")) == "till is NOT_SERVING"
        assert (await found(GrpcCheck(port, "none"))).startswith("NOT_FOUND")
    finally:
        await server.stop(0)


async def test_a_command(tmp_path: Path) -> None:
    assert await found(ExecCheck((sys.executable, "-c", ""))) == ""
    assert "exit code 3" in await found(ExecCheck((sys.executable, "-c", "raise SystemExit(3)")))
    assert "exit code" in await found(ExecCheck(("/no/such/program",)))
    assert "--exec-probes" in await found(ExecCheck(("true",)), commands=False)


async def test_nothing_is_left_of_a_command_that_takes_too_long(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    script = f"sleep 60 & echo $! > {note}.part; mv {note}.part {note}; wait"
    assert "not ended within" in await found(ExecCheck(("/bin/sh", "-c", script)), seconds=3)
    child = int(note.read_text())
    async with asyncio.timeout(20):
        while _runs(child):  # noqa: ASYNC110 - the kernel ends it
            await asyncio.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()


def verdicts(probe: Probe, *problems: str) -> list[bool | None]:
    verdict, seen = Verdict(), list[bool | None]()
    for problem in problems:
        verdict = verdict.after(problem, probe)
        seen.append(verdict.healthy)
    return seen


def test_one_look_says_little() -> None:
    probe = Probe(TcpCheck(1), successes=2, failures=3)
    assert verdicts(probe, "", "", "x", "x", "", "x", "x", "x", "", "") == [
        *(None, True, True, True, True, True, True),
        *(False, False, True),
    ]


@given(COUNTS, COUNTS, st.lists(st.booleans(), max_size=30))
def test_it_changes_only_by_so_many_in_a_row(successes: int, failures: int, looks: list[bool]) -> None:
    probe = Probe(TcpCheck(1), successes=successes, failures=failures)
    seen = [None, *verdicts(probe, *("" if good else "x" for good in looks))]
    for number, good in enumerate(looks, start=1):
        row = looks[max(0, number - (successes if good else failures)) : number]
        reached = len(row) == (successes if good else failures) and set(row) == {good}
        assert seen[number] == (good if reached else seen[number - 1])


async def test_only_changes_are_told() -> None:
    looks = iter(["x", "", "", "y", "y", ""])
    told: list[str] = []
    done = asyncio.Event()

    async def look_(_: Probe) -> str:
        problem = next(looks, None)
        if problem is None:
            done.set()
            await asyncio.Event().wait()
        return problem or ""

    probe = Probe(TcpCheck(1), period=0, failures=2)
    watching = asyncio.create_task(watch(probe, look_, told.append))
    await done.wait()
    watching.cancel()
    assert told == ["", "y", ""]


def response(*probes: bytes) -> bytes:
    made = DeltaDiscoveryResponse(type_url=PROBE)
    for probe in probes:
        resource = Resource(name="vms")
        resource.resource.value = probe
        made.resources.append(resource)
    return made.SerializeToString()


@given(st.builds(Probe, CHECKS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS))
def test_an_agent_reads_what_the_control_plane_writes(probe: Probe) -> None:
    assert probe_in(response(probe_message(probe))) == probe


def test_a_group_may_have_none() -> None:
    assert probe_in(response()) is None


@pytest.mark.parametrize("wrong", [response(b""), response(b"\xff"), b"\xff"])
def test_what_is_no_probe_is_said_to_be_none(wrong: bytes) -> None:
    with pytest.raises(WireError):
        probe_in(wrong)
