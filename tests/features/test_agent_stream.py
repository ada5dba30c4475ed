"""The stream of an agent: it is told how to look at its workload, and is believed of nobody else's."""

from __future__ import annotations

import json

import pytest
from grpc import aio  # type: ignore[import-untyped]  # grpcio ships no types

from tests.features.client import ADS, node
from tests.features.test_secure import RATINGS, Secure, code, joined, secure
from xds.agent.workload.wire import health, probe_in, subscription
from xds.model.probes import Probe, TcpCheck
from xds.wire.core_pb2 import Node

__all__ = ["secure"]

STREAM = f"{ADS}/DeltaAggregatedResources"


def who(account: str) -> Node:
    name = "sidecar~127.0.0.1~reviews-1.default~default.svc.cluster.local"
    return node(name, NAMESPACE="default", SERVICE_ACCOUNT=account, AUTO_REGISTER_GROUP="vms")


def write(secure: Secure, port: int | None) -> None:
    """Puts the group in force, with a probe of this port or none."""
    probe = {"tcpSocket": {"port": port}} if port is not None else {}
    group = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "WorkloadGroup",
        "metadata": {"name": "vms", "namespace": "default"},
        "spec": {"template": {"serviceAccount": "reviews"}, "probe": probe},
    }
    file = secure.folder.parent / "mesh" / "group.yaml"
    part = file.with_suffix(".part")
    part.write_text(json.dumps(group))
    part.rename(file)


async def read(call: aio.StreamStreamCall) -> Probe | None:
    data = await call.read()
    if not isinstance(data, bytes):
        raise aio.AioRpcError(await call.code(), (), (), await call.details())
    return probe_in(data)


async def test_an_agent_is_told_how_to_look_as_it_changes(secure: Secure) -> None:
    write(secure, 9080)
    key, chain = await joined(secure)
    async with secure.channel(key, chain) as channel:
        call = channel.stream_stream(STREAM)(timeout=30)
        await call.write(subscription(who("reviews"), "vms"))
        while (found := await read(call)) is None:  # the file may not have been read yet
            pass
        assert found == Probe(TcpCheck(9080))
        await call.write(health("broken"))
        write(secure, 9081)
        assert await read(call) == Probe(TcpCheck(9081))
        write(secure, None)
        assert await read(call) is None
        call.cancel()
    registered = [event for event in secure.server.events() if event["event"] == "workloads registered themselves"]
    assert registered[0]["entries"] == ["registered:default/vms-127.0.0.1"]


async def test_an_agent_is_who_it_has_proven_to_be(secure: Secure) -> None:
    key, chain = await joined(secure, RATINGS)
    async with secure.channel(key, chain) as channel:
        call = channel.stream_stream(STREAM)(timeout=30)
        await call.write(subscription(who("reviews"), "vms"))
        with pytest.raises(aio.AioRpcError) as caught:
            await read(call)
    assert code(caught)[0] == "PERMISSION_DENIED"


async def test_nobody_without_an_identity_is_heard_over_tls(secure: Secure) -> None:
    async with secure.channel() as channel:
        call = channel.stream_stream(STREAM)(timeout=30)
        await call.write(subscription(who("reviews"), "vms"))
        with pytest.raises(aio.AioRpcError) as caught:
            await read(call)
    assert code(caught)[0] == "UNAUTHENTICATED"
