"""What the agent serves its Envoy, in both variants of the protocol."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import Secret
from grpc import aio  # type: ignore[import-untyped]  # grpcio ships no types
from structlog.testing import capture_logs

from tests.agent.kit import REVIEWS, Time, control_plane, informed, running, until
from tests.features.client import DeltaStream, RawStream, Response, SotwStream
from xds.agent.errors import AgentError
from xds.agent.identity import IdentityAgent
from xds.resources import SECRET
from xds.wire.discovery_pb2 import DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse

SERVICE = "/envoy.service.secret.v3.SecretDiscoveryService"


@asynccontextmanager
async def calling(socket: Path) -> AsyncIterator[aio.Channel]:
    async with aio.insecure_channel(f"unix:{socket}") as channel:
        async with asyncio.timeout(30):
            await channel.channel_ready()
        yield channel


def sotw(channel: aio.Channel) -> SotwStream:
    return SotwStream(channel, f"{SERVICE}/StreamSecrets", DiscoveryResponse.FromString)


def delta(channel: aio.Channel) -> DeltaStream:
    return DeltaStream(channel, f"{SERVICE}/DeltaSecrets", DeltaDiscoveryResponse.FromString)


async def received(stream: RawStream[Response]) -> Response:
    """The next response, which depends on calls over TLS and on what else the machine does."""
    async with asyncio.timeout(30):
        data = await stream.call.read()
    assert isinstance(data, bytes), f"the stream has ended: {stream.call}"
    return stream.decode(data)


def secrets(response: DiscoveryResponse) -> dict[str, Secret]:
    found = [Secret().parse(each.value) for each in response.resources]
    return {secret.name: secret for secret in found}


def leaf(secret: Secret) -> int:
    assert secret.tls_certificate is not None
    assert secret.tls_certificate.certificate_chain is not None
    return x509.load_pem_x509_certificates(secret.tls_certificate.certificate_chain.inline_bytes or b"")[
        0
    ].serial_number


def roots(secret: Secret) -> int:
    assert secret.validation_context is not None
    assert secret.validation_context.trusted_ca is not None
    return len(x509.load_pem_x509_certificates(secret.validation_context.trusted_ca.inline_bytes or b""))


async def test_secrets_go_by_istios_names_and_by_spires(tmp_path: Path) -> None:
    names = ("default", "ROOTCA", str(REVIEWS), "spiffe://cluster.local", "ALL")
    async with control_plane(tmp_path) as plane:
        options = plane.options(plane.token_file())
        async with running(options) as agent, calling(options.sds_path) as channel, sotw(channel) as stream:
            assert options.sds_path.stat().st_mode & 0o777 == 0o600
            await agent.ready()
            await stream.request(SECRET, *names)
            found = secrets(await received(stream))
            assert found.keys() == set(names)
            assert leaf(found["default"]) == leaf(found[str(REVIEWS)])
            assert (roots(found["ROOTCA"]), roots(found["spiffe://cluster.local"])) == (1, 1)
            assert found["ALL"].validation_context == found["ROOTCA"].validation_context


async def test_state_of_the_world_follows_renewals_and_new_roots(tmp_path: Path) -> None:
    clock = Time()
    async with control_plane(tmp_path) as plane:
        options = plane.options(plane.token_file())
        async with running(options, clock) as agent, calling(options.sds_path) as channel, sotw(channel) as stream:
            await informed(agent)
            await stream.request(SECRET, "default", "ROOTCA")
            response = await received(stream)
            first = secrets(response)
            await stream.request(SECRET, "default", "ROOTCA", answers=response)
            clock.now += timedelta(hours=13)
            agent.look()
            response = await received(stream)
            assert leaf(secrets(response)["default"]) != leaf(first["default"])
            await stream.request(SECRET, "default", "ROOTCA", answers=response)
            plane.rotate("prepare")
            assert {name: roots(each) for name, each in secrets(await received(stream)).items()} == {"ROOTCA": 2}


async def test_delta_follows_too_and_says_what_is_not_there(tmp_path: Path) -> None:
    async with control_plane(tmp_path) as plane:
        options = plane.options(plane.token_file())
        async with running(options) as agent, calling(options.sds_path) as channel, delta(channel) as stream:
            await informed(agent)
            await stream.request(SECRET, ["ROOTCA", "kubernetes://somebody-elses"])
            response = await received(stream)
            assert [each.name for each in response.resources] == ["ROOTCA"]
            assert list(response.removed_resources) == ["kubernetes://somebody-elses"]
            await stream.request(SECRET, answers=response)
            plane.rotate("prepare")
            (changed,) = (await received(stream)).resources
            assert roots(Secret().parse(changed.resource.value)) == 2


async def test_an_envoy_that_comes_early_waits(tmp_path: Path) -> None:
    async with control_plane(tmp_path) as plane:
        token = plane.token_file()
        text = token.path.read_text()
        token.path.write_text("")
        options = plane.options(token)
        async with running(options) as agent, calling(options.sds_path) as channel, delta(channel) as stream:
            request = DiscoveryRequest(type_url=SECRET, resource_names=["default"]).SerializeToString()
            with pytest.raises(aio.AioRpcError, match="no certificate yet"):
                await channel.unary_unary(f"{SERVICE}/FetchSecrets")(request)
            await stream.request(SECRET, ["default"])
            await until(lambda: agent.trouble)
            token.path.write_text(text)
            agent.look()
            assert [each.name for each in (await received(stream)).resources] == ["default"]
            fetched = DiscoveryResponse.FromString(await channel.unary_unary(f"{SERVICE}/FetchSecrets")(request))
            assert list(secrets(fetched)) == ["default"]
            unknown = DiscoveryRequest(resource_names=["other"]).SerializeToString()
            fetched = DiscoveryResponse.FromString(await channel.unary_unary(f"{SERVICE}/FetchSecrets")(unknown))
            assert (fetched.type_url, list(fetched.resources)) == (SECRET, [])


async def test_a_rejected_secret_is_told_and_what_is_no_request_ends_the_stream(tmp_path: Path) -> None:
    async with control_plane(tmp_path) as plane:
        options = plane.options(plane.token_file())
        async with running(options) as agent, calling(options.sds_path) as channel:
            await agent.ready()
            with capture_logs() as logs:
                async with sotw(channel) as stream:
                    await stream.request(SECRET, "default")
                    response = await received(stream)
                    await stream.request(SECRET, "default", answers=response, error="no such curve")
                    await until(lambda: any(line.get("reason") == "no such curve" for line in logs))
                    await stream.call.write(b"\xff")
                    assert await stream.end_status() == ("INVALID_ARGUMENT", "this is not a DiscoveryRequest")
            assert not [line for line in logs if line["log_level"] == "error" and "failure" in line["event"]]


async def test_a_socket_that_cannot_be_is_said_so(tmp_path: Path) -> None:
    async with control_plane(tmp_path) as plane:
        for name, reason in (("x" * 120, "longer than 107 bytes"), ("none/sds.sock", "cannot listen on")):
            options = plane.options(plane.token_file(), sds_socket=tmp_path / name)
            with pytest.raises(AgentError, match=reason):
                await IdentityAgent(options).run()
