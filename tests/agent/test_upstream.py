"""What the control plane tells an agent that has an identity: roots, taints, tokens. And what it tells nobody else."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import grpc  # type: ignore[import-untyped]  # grpcio ships no types
import jwt
import pytest
from grpc import aio
from structlog.testing import capture_logs

from tests.agent.kit import REVIEWS, ControlPlane, Time, control_plane, informed, running, until
from xds.agent.identity import Svid
from xds.agent.identity.attempt import AttemptError
from xds.agent.identity.jwt_svids import JwtSvids
from xds.agent.identity.signing import channel_to
from xds.agent.identity.upstream import Token
from xds.model.credentials import Sealed
from xds.wire.workload_identity_pb2 import BundlesResponse, CreateJwtSvidRequest, CreateJwtSvidResponse

SERVICE = "/pilothouse.v1.WorkloadIdentity"


async def test_roots_are_known_before_they_sign_and_a_taint_renews(tmp_path: Path) -> None:
    async with control_plane(tmp_path) as plane, running(plane.options(plane.token_file())) as agent:
        first = await informed(agent)
        old = plane.authority.active.id
        plane.rotate("prepare")
        await until(lambda: agent.identity.state.bundle and len(agent.identity.state.bundle.authorities) == 2)
        plane.rotate("activate")
        plane.rotate("taint", old)
        await until(lambda: agent.identity.svid is not first)
        plane.rotate("revoke", old)
        await until(lambda: agent.identity.state.bundle and len(agent.identity.state.bundle.authorities) == 1)
        assert agent.trouble == ""


async def test_what_was_known_stays_while_nobody_says_anything(tmp_path: Path) -> None:
    async with control_plane(tmp_path) as plane, running(plane.options(plane.token_file())) as agent:
        await informed(agent)
        before = agent.identity.state
        with capture_logs() as logs:
            await plane.stop()
            await until(lambda: [line for line in logs if line["event"] == "new roots cannot be heard of"])
        assert agent.identity.state is before
        plane.authority.prepare()
        await plane.start()
        await until(lambda: agent.identity.state.bundle and len(agent.identity.state.bundle.authorities) == 2)


async def test_a_control_plane_that_is_back_is_asked_for_what_is_due(tmp_path: Path) -> None:
    clock = Time()
    async with (
        control_plane(tmp_path) as plane,
        running(plane.options(plane.token_file()), clock, lambda: 1.0) as agent,
    ):
        first = await informed(agent)
        await plane.stop()
        clock.now += timedelta(hours=13)
        for failures in range(8):
            agent.look()
            await until(lambda failures=failures: agent.failed > failures)  # type: ignore[misc]  # of its own default
        await plane.start()
        async with asyncio.timeout(20):  # without the stream it would be another 30 s
            while agent.identity.svid is first:  # noqa: ASYNC110 - what is waited for is other code's
                await asyncio.sleep(0.02)


async def ask(plane: ControlPlane, svid: Svid | None, *audience: str) -> CreateJwtSvidResponse:
    roots = (plane.folder / "ca" / "root-cert.pem").read_bytes()
    async with channel_to(f"127.0.0.1:{plane.port}", roots, svid) as channel:
        request = CreateJwtSvidRequest(audience=audience).SerializeToString()
        answer = await channel.unary_unary(f"{SERVICE}/CreateJwtSvid")(request, timeout=30)
    return CreateJwtSvidResponse.FromString(answer)


async def test_a_token_is_for_whoever_proves_an_identity_and_is_recorded(tmp_path: Path) -> None:
    async with control_plane(tmp_path) as plane, running(plane.options(plane.token_file())) as agent:
        svid = await informed(agent)
        with capture_logs() as logs:
            answer = await ask(plane, svid, "bank", "shop")
        claims = jwt.decode(answer.svid, options={"verify_signature": False})
        assert (claims["sub"], claims["aud"], claims["exp"]) == (str(REVIEWS), ["bank", "shop"], answer.expires_at)
        (line,) = [line for line in logs if line["event"] == "token issued"]
        assert (line["spiffe_id"], line["audience"]) == (str(REVIEWS), ["bank", "shop"])
        assert answer.svid not in str(logs)
        for audience in ((), ("",)):
            with pytest.raises(aio.AioRpcError) as refused:
                await ask(plane, svid, *audience)
            assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        with pytest.raises(aio.AioRpcError) as refused:
            await ask(plane, None, "bank")
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_one_identity_has_no_more_tokens_than_it_may(tmp_path: Path) -> None:
    async with control_plane(tmp_path) as plane, running(plane.options(plane.token_file())) as agent:
        svid = await informed(agent)
        roots = (plane.folder / "ca" / "root-cert.pem").read_bytes()
        request = CreateJwtSvidRequest(audience=["bank"]).SerializeToString()
        async with channel_to(f"127.0.0.1:{plane.port}", roots, svid) as channel:
            call = channel.unary_unary(f"{SERVICE}/CreateJwtSvid")
            answers = await asyncio.gather(*(call(request) for _ in range(200)), return_exceptions=True)
        codes = [answer.code().name for answer in answers if isinstance(answer, aio.AioRpcError)]
        assert set(codes) == {"RESOURCE_EXHAUSTED"}
        assert len(answers) - len(codes) >= 60


async def test_bundles_are_for_whoever_proves_an_identity(tmp_path: Path) -> None:
    async with control_plane(tmp_path) as plane, running(plane.options(plane.token_file())) as agent:
        svid = await informed(agent)
        roots = (plane.folder / "ca" / "root-cert.pem").read_bytes()
        async with channel_to(f"127.0.0.1:{plane.port}", roots, None) as channel:
            call = channel.unary_stream(f"{SERVICE}/StreamBundles")(b"")
            assert await call.code() is grpc.StatusCode.UNAUTHENTICATED
        async with channel_to(f"127.0.0.1:{plane.port}", roots, svid) as channel:
            call = channel.unary_stream(f"{SERVICE}/StreamBundles")(b"")
            (bundle,) = BundlesResponse.FromString(await call.read()).bundles
            assert (bundle.trust_domain, len(bundle.authorities), "keys" in bundle.jwks) == ("cluster.local", 1, True)
            call.cancel()


async def test_a_server_that_stops_ends_streams_at_once(tmp_path: Path) -> None:
    async with control_plane(tmp_path) as plane, running(plane.options(plane.token_file())) as agent:
        svid = await informed(agent)
        roots = (plane.folder / "ca" / "root-cert.pem").read_bytes()
        async with channel_to(f"127.0.0.1:{plane.port}", roots, svid) as channel:
            call = channel.unary_stream(f"{SERVICE}/StreamBundles")(b"")
            await call.read()
            stopping = asyncio.create_task(plane.stop(grace=600))
            assert (await call.code(), await call.details()) == (
                grpc.StatusCode.UNAVAILABLE,
                "the server is shutting down",
            )
            async with asyncio.timeout(30):
                await stopping


async def test_tokens_are_kept_for_half_of_their_life_and_longer_in_an_outage() -> None:
    clock, asked, fails = Time(), list[tuple[str, ...]](), list[bool]()

    async def new(audience: object) -> Token:
        asked.append(tuple(audience) if isinstance(audience, tuple) else ())
        if fails:
            raise AttemptError("gone", "wait")
        return Token(Sealed(f"{len(asked)}".encode()), clock.now + timedelta(minutes=5))

    tokens = JwtSvids(new, clock)

    async def token(*audience: str) -> str:
        return (await tokens.token(audience)).reveal().decode()

    assert [await token("a", "b"), await token("b", "a"), await token("c")] == ["1", "1", "2"]
    clock.now += timedelta(minutes=3)
    assert await token("a", "b") == "3"
    fails.append(True)
    clock.now += timedelta(minutes=3)
    assert await token("a", "b") == "3"
    clock.now += timedelta(minutes=3)
    with pytest.raises(AttemptError):
        await token("a", "b")
    assert asked[0] == ("a", "b")
