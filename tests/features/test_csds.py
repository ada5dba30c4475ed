"""Behaviour 42: CSDS. What it says is read here with Envoy's own messages. Behaviour 44: HDS."""

from __future__ import annotations

import pytest
from envoy_data_plane.envoy.service.status.v3 import (
    ClientConfig,
    ClientStatusRequest,
    ClientStatusResponse,
    ConfigStatus,
)
from envoy_data_plane.envoy.type.matcher.v3 import NodeMatcher, RegexMatcher, StringMatcher, StructMatcher
from grpc import aio  # type: ignore[import-untyped]  # grpcio ships no types

from tests.features.client import NODE_ID, Fixture, node, resource
from xds.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE

CSDS = "/envoy.service.status.v3.ClientStatusDiscoveryService"
HDS = "/envoy.service.health.v3.HealthDiscoveryService"
OTHER = "router~127.77.1.2~gateway.default~default.svc.cluster.local"


async def fetch(xds: Fixture, *matchers: NodeMatcher) -> list[ClientConfig]:
    request = ClientStatusRequest(node_matchers=list(matchers))
    data = await xds.channel.unary_unary(f"{CSDS}/FetchClientStatus")(bytes(request))
    return ClientStatusResponse.parse(data).config


def states(config: ClientConfig) -> dict[str, ConfigStatus]:
    return {entry.type_url: entry.config_status for entry in config.generic_xds_configs}


async def test_b42_every_state_of_a_type_shows(xds: Fixture) -> None:
    xds.publish(resource(CLUSTER, "c"), resource(LISTENER, "l"), resource(ENDPOINT, "e"))
    async with xds.delta() as stream:
        await stream.request(CLUSTER, who=node())
        await stream.request(CLUSTER, answers=await stream.receive())
        await stream.request(LISTENER)
        rejected = await stream.receive()
        await stream.request(LISTENER, answers=rejected, error="l: no")
        await stream.request(ENDPOINT, ["e"])
        await stream.receive()
        (config,) = await fetch(xds)
        assert config.node is not None
        assert config.node.id == NODE_ID
        assert states(config) == {
            CLUSTER: ConfigStatus.SYNCED,
            LISTENER: ConfigStatus.ERROR,
            ENDPOINT: ConfigStatus.STALE,
        }
        entries = {entry.type_url: entry for entry in config.generic_xds_configs}
        assert entries[CLUSTER].last_updated is not None
        assert entries[CLUSTER].version_info
        error = entries[LISTENER].error_state
        assert error is not None
        assert (error.details, error.version_info) == ("l: no", rejected.system_version_info)


async def test_b42_a_type_without_a_response_is_not_sent(xds: Fixture) -> None:
    async with xds.sotw() as stream:
        await stream.request(ROUTE, "r", who=node())
        await stream.request(CLUSTER)
        await stream.receive()
        (config,) = await fetch(xds)
        assert states(config)[ROUTE] is ConfigStatus.NOT_SENT


async def test_b42_the_streams_of_one_node_are_one_client(xds: Fixture) -> None:
    xds.publish(resource(CLUSTER, "c"), resource(ENDPOINT, "e"))
    clusters = xds.delta("/envoy.service.cluster.v3.ClusterDiscoveryService/DeltaClusters")
    endpoints = xds.delta("/envoy.service.endpoint.v3.EndpointDiscoveryService/DeltaEndpoints")
    async with clusters, endpoints:
        await clusters.request(CLUSTER, who=node())
        await endpoints.request(ENDPOINT, ["e"], who=node())
        await clusters.receive()
        await endpoints.receive()
        (config,) = await fetch(xds)
        assert states(config).keys() == {CLUSTER, ENDPOINT}


@pytest.mark.parametrize(
    ("matcher", "expected"),
    [
        (StringMatcher(exact=OTHER), [OTHER]),
        (StringMatcher(prefix="router~"), [OTHER]),
        (StringMatcher(suffix=".local"), [NODE_ID, OTHER]),
        (StringMatcher(contains="~app."), [NODE_ID]),
        (StringMatcher(contains="~APP.", ignore_case=True), [NODE_ID]),
        (StringMatcher(exact="nobody"), []),
    ],
    ids=["exact", "prefix", "suffix", "contains", "ignore case", "nobody"],
)
async def test_b42_clients_are_told_by_their_node_id(xds: Fixture, matcher: StringMatcher, expected: list[str]) -> None:
    async with xds.delta() as one, xds.delta() as other:
        for stream, name in ((one, NODE_ID), (other, OTHER)):
            await stream.request(CLUSTER, who=node(name))
            await stream.receive()
        assert [config.node.id for config in await fetch(xds, NodeMatcher(node_id=matcher)) if config.node] == expected


@pytest.mark.parametrize(
    "matcher",
    [
        NodeMatcher(node_metadatas=[StructMatcher()]),
        NodeMatcher(node_id=StringMatcher(safe_regex=RegexMatcher(regex=".*"))),
        NodeMatcher(),
    ],
    ids=["metadata", "regular expression", "nothing"],
)
async def test_what_cannot_be_matched_is_said(xds: Fixture, matcher: NodeMatcher) -> None:
    with pytest.raises(aio.AioRpcError) as raised:
        await fetch(xds, matcher)
    assert raised.value.code().name == "INVALID_ARGUMENT"


async def test_garbage_is_invalid_argument(xds: Fixture) -> None:
    with pytest.raises(aio.AioRpcError) as raised:
        await xds.channel.unary_unary(f"{CSDS}/FetchClientStatus")(b"\xff")
    assert raised.value.code().name == "INVALID_ARGUMENT"


async def test_b42_a_stream_answers_each_request(xds: Fixture) -> None:
    call = xds.channel.stream_stream(f"{CSDS}/StreamClientStatus")()
    await call.write(b"")
    assert ClientStatusResponse.parse(await call.read()).config == []
    async with xds.delta() as stream:
        await stream.request(CLUSTER, who=node())
        await stream.receive()
        await call.write(b"")
        assert len(ClientStatusResponse.parse(await call.read()).config) == 1
    await call.done_writing()
    assert (await call.code()).name == "OK"


async def test_b44_hds_says_that_it_is_not_served(xds: Fixture) -> None:
    stream = xds.channel.stream_stream(f"{HDS}/StreamHealthCheck")()
    assert ((await stream.code()).name, "outlierDetection" in await stream.details()) == ("UNIMPLEMENTED", True)
    with pytest.raises(aio.AioRpcError) as raised:
        await xds.channel.unary_unary(f"{HDS}/FetchHealthCheck")(b"")
    assert (raised.value.code().name, "HDS" in raised.value.details()) == ("UNIMPLEMENTED", True)
