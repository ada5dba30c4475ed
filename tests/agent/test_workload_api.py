"""The SPIFFE Workload API, as a client that others have written sees it, and as one that does it wrong."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import jwt
import pytest
from cryptography import x509
from grpc import aio  # type: ignore[import-untyped]  # grpcio ships no types

from tests.agent.kit import REVIEWS, Time, control_plane, informed, running
from xds.wire import workload_api_pb2 as wire

HEADER = (("workload.spiffe.io", "true"),)
SERVICE = "/SpiffeWorkloadAPI"


class Application:
    """The program of `spiffe_client`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ask(self, *words: str) -> dict[str, object]:
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(words).encode() + b"\n")
        return await self.told()

    async def told(self) -> dict[str, object]:
        assert self._process.stdout is not None
        async with asyncio.timeout(30):
            answer: dict[str, object] = json.loads(await self._process.stdout.readline())
        return answer


@asynccontextmanager
async def application(socket: Path) -> AsyncIterator[Application]:
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "tests.agent.spiffe_client", str(socket))
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    try:
        yield Application(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        async with asyncio.timeout(30):
            await process.wait()


async def test_the_reference_client_gets_everything(tmp_path: Path) -> None:
    async with control_plane(tmp_path) as plane:
        options = plane.options(plane.token_file())
        async with running(options) as agent:
            svid = await informed(agent)
            async with application(options.workload_path) as app:
                serial = str(x509.load_der_x509_certificate(svid.chain[0]).serial_number)
                assert await app.ask("x509") == {"svid": {"id": str(REVIEWS), "serial": serial, "chain": 2}}
                assert await app.ask("bundles") == {"bundles": {"cluster.local": 1}}
                token = await app.ask("jwt", "bank")
                assert token["jwt"] == {"id": str(REVIEWS), "audience": ["bank"]}
                assert await app.ask("validate", str(token["token"]), "bank") == {"valid": str(REVIEWS)}
                assert "udience" in str((await app.ask("validate", str(token["token"]), "shop"))["error"])
                assert await app.ask("jwt", "bank") == token  # kept for half of its life
                key = jwt.get_unverified_header(str(token["token"]))["kid"]
                assert await app.ask("jwks") == {"jwks": {"cluster.local": [key]}}


async def test_streams_tell_of_new_certificates_and_of_new_roots(tmp_path: Path) -> None:
    clock = Time()
    async with control_plane(tmp_path) as plane:
        options = plane.options(plane.token_file())
        async with running(options, clock) as agent, application(options.workload_path) as app:
            await informed(agent)
            first = await app.ask("watch")
            assert first["roots"] == {"cluster.local": 1}
            clock.now += timedelta(hours=13)
            agent.look()
            second = await app.told()
            assert second["updated"] != first["updated"]
            plane.rotate("prepare")
            third = await app.told()
            assert third == {"updated": second["updated"], "roots": {"cluster.local": 2}}


async def test_without_an_identity_nothing_is_told(tmp_path: Path) -> None:
    async with control_plane(tmp_path) as plane:
        options = plane.options(None)
        async with running(options), calling(options.workload_path) as channel:
            for method in ("FetchX509SVID", "FetchX509Bundles", "FetchJWTBundles"):
                assert await status(channel.unary_stream(f"{SERVICE}/{method}")(b"", metadata=HEADER)) == DENIED
            request = wire.JwtSvidRequest(audience=["x"]).SerializeToString()
            assert await status(channel.unary_unary(f"{SERVICE}/FetchJWTSVID")(request, metadata=HEADER)) == DENIED


DENIED = ("PERMISSION_DENIED", "no identity issued: the agent is still asking for it")


@asynccontextmanager
async def calling(socket: Path) -> AsyncIterator[aio.Channel]:
    async with aio.insecure_channel(f"unix:{socket}") as channel:
        async with asyncio.timeout(30):
            await channel.channel_ready()
        yield channel


async def status(call: aio.Call) -> tuple[str, str]:
    async with asyncio.timeout(30):
        return (await call.code()).name, await call.details()


JWT, VALIDATE = "FetchJWTSVID", "ValidateJWTSVID"
RATINGS = "spiffe://cluster.local/ns/default/sa/ratings"


@pytest.mark.parametrize(
    ("method", "request_", "metadata", "expected"),
    [
        (JWT, wire.JwtSvidRequest(audience=["x"]), (), ("INVALID_ARGUMENT", "metadata")),
        (JWT, wire.JwtSvidRequest(), HEADER, ("INVALID_ARGUMENT", "at least one audience")),
        (JWT, wire.JwtSvidRequest(audience=["", "x"]), HEADER, ("INVALID_ARGUMENT", "none of them is empty")),
        (JWT, wire.JwtSvidRequest(audience=["x"], spiffe_id=RATINGS), HEADER, ("PERMISSION_DENIED", f"not {RATINGS}")),
        (JWT, wire.JwtSvidRequest(audience=["x" * 9000]), HEADER, ("UNAVAILABLE", "8192 are allowed")),
        (JWT, wire.JwtSvidRequest(audience=["x" * 70_000]), HEADER, ("INVALID_ARGUMENT", "are allowed")),
        (VALIDATE, wire.ValidateJwtSvidRequest(), HEADER, ("INVALID_ARGUMENT", "are needed")),
        (VALIDATE, wire.ValidateJwtSvidRequest(audience="x", svid="a.b.c"), HEADER, ("INVALID_ARGUMENT", "not valid")),
    ],
)
async def test_what_is_asked_wrongly_is_refused_with_the_reason(
    tmp_path: Path,
    method: str,
    request_: wire.JwtSvidRequest | wire.ValidateJwtSvidRequest,
    metadata: tuple[tuple[str, str], ...],
    expected: tuple[str, str],
) -> None:
    async with control_plane(tmp_path) as plane:
        options = plane.options(plane.token_file())
        async with running(options) as agent, calling(options.workload_path) as channel:
            await agent.ready()
            call = channel.unary_unary(f"{SERVICE}/{method}")(request_.SerializeToString(), metadata=metadata)
            code, details = await status(call)
            assert (code, expected[1] in details) == (expected[0], True), details


async def test_bytes_that_are_no_message_are_refused(tmp_path: Path) -> None:
    async with control_plane(tmp_path) as plane:
        options = plane.options(plane.token_file())
        async with running(options) as agent, calling(options.workload_path) as channel:
            await agent.ready()
            call = channel.unary_unary(f"{SERVICE}/FetchJWTSVID")(b"\xff", metadata=HEADER)
            assert await status(call) == ("INVALID_ARGUMENT", "the request cannot be read")
