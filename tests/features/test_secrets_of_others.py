"""Secrets go to the proxies whose configuration names them, whatever anybody asks for: over real gRPC."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import pytest
from google.protobuf.struct_pb2 import Struct
from grpc import aio  # type: ignore[import-untyped]  # grpcio ships no types

import translators
from tests.certificates import Authority
from tests.documents import entry, gateway, rule, secret
from tests.features.client import ADS, DeltaStream, SotwStream
from xds.app.store import Store
from xds.model.settings import MeshSettings
from xds.pipeline import Pipeline
from xds.resources import SECRET
from xds.server import XdsServer
from xds.sources.batch import Batch
from xds.wire.core_pb2 import Node
from xds.wire.discovery_pb2 import DeltaDiscoveryResponse, DiscoveryResponse, Resource

ROOT = Authority("root")
SIMPLE = {"mode": "SIMPLE"}
MUTUAL = {"mode": "MUTUAL"}
ENTRIES = "".join(entry(name, f"{name}.example.com") for name in ("one", "two", "three"))
MESH = ENTRIES + "".join(
    (
        *(secret(name, ROOT.issue(name), ROOT) for name in ("for-all", "for-a", "for-b", "server", "mutual", "unused")),
        *(secret(name, ROOT.issue(name), ROOT, namespace="other") for name in ("for-all", "for-a", "server")),
        rule("all", "one.example.com", {**MUTUAL, "credentialName": "for-all"}),
        rule("a", "two.example.com", {**MUTUAL, "credentialName": "for-a"}, app="a"),
        rule("b", "three.example.com", {**SIMPLE, "credentialName": "for-b"}, app="b"),
        gateway("front", {**SIMPLE, "credentialName": "server"}, selector="front"),
        gateway("back", {**MUTUAL, "credentialName": "mutual"}, selector="back"),
    )
)
NAMES = ("for-all", "for-a", "for-b", "server", "mutual", "unused", "other/server", "default/server")
EVERYTHING = [
    *("*", "kubernetes://*", "xdstp:///envoy.extensions.transport_sockets.tls.v3.Secret/*"),
    *(f"kubernetes://{name}{suffix}" for name in NAMES for suffix in ("", "-cacert")),
    *(f"kubernetes-gateway://{namespace}/server" for namespace in ("default", "other")),
]

PROXIES: Mapping[str, tuple[Mapping[str, str], set[str]]] = {
    "sidecar~10.0.0.1~a.default~default.svc.cluster.local": ({"app": "a"}, {"for-a", "for-a-cacert"}),
    "sidecar~10.0.0.2~b.default~default.svc.cluster.local": ({"app": "b"}, {"for-b-cacert"}),
    "sidecar~10.0.0.3~c.default~default.svc.cluster.local": ({"app": "c"}, set()),
    "sidecar~10.0.0.4~a.other~other.svc.cluster.local": ({"app": "a"}, set()),
    "router~10.0.0.5~front.default~default.svc.cluster.local": (
        {"istio": "front"},
        {"for-all", "for-all-cacert", "server"},
    ),
    "router~10.0.0.6~back.default~default.svc.cluster.local": (
        {"istio": "back"},
        {"for-all", "for-all-cacert", "mutual", "mutual-cacert"},
    ),
    "router~10.0.0.7~front.other~other.svc.cluster.local": (
        {"istio": "front"},
        {"for-all", "for-all-cacert", "server"},
    ),
    "router~10.0.0.8~else.other~other.svc.cluster.local": ({"istio": "else"}, {"for-all", "for-all-cacert"}),
    "sidecar~10.0.0.9~grpc.default~default.svc.cluster.local": ({"app": "a", "grpc": "yes"}, set()),
}
"""By node id, labels, and the secrets that it may have. Rules for all are for gateways, wherever they run."""


def node(node_id: str, labels: Mapping[str, str]) -> Node:
    metadata = Struct()
    metadata.update({"LABELS": dict(labels), **({"GENERATOR": "grpc"} if "grpc" in labels else {})})
    return Node(id=node_id, metadata=metadata)


@pytest.fixture
async def channel() -> AsyncIterator[aio.Channel]:
    store = Store(Pipeline(translators.DEFAULT), MeshSettings(), clock=lambda: 0.0)
    published = store.apply(Batch({"mesh.yaml": MESH}))
    assert [each for each in published.diagnostics if each.code.endswith("-credential")] == []
    server = XdsServer(store)
    port = await server.start("127.0.0.1:0")
    try:
        async with aio.insecure_channel(f"127.0.0.1:{port}") as opened:
            yield opened
    finally:
        await server.stop(0.5)


def names(resources: list[Resource]) -> set[str]:
    return {each.name.removeprefix("kubernetes://") for each in resources}


@pytest.mark.parametrize("node_id", PROXIES)
async def test_delta_gives_a_proxy_its_own(channel: aio.Channel, node_id: str) -> None:
    labels, own = PROXIES[node_id]
    call = DeltaStream(channel, f"{ADS}/DeltaAggregatedResources", DeltaDiscoveryResponse.FromString)
    async with call as stream:
        await stream.request(SECRET, EVERYTHING, who=node(node_id, labels))
        response = await stream.receive()
        assert names(list(response.resources)) == own
        refused = {f"kubernetes://{name}{suffix}" for name in NAMES for suffix in ("", "-cacert")}
        assert refused - {f"kubernetes://{name}" for name in own} <= set(response.removed_resources)


async def test_another_machine_gets_none_in_plain_text(channel: aio.Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine stands for another one: all that tells them apart is the address."""
    monkeypatch.setattr("xds.server.server.address_of", lambda peer: "10.0.0.5")
    node_id = next(each for each in PROXIES if each.startswith("router"))
    call = DeltaStream(channel, f"{ADS}/DeltaAggregatedResources", DeltaDiscoveryResponse.FromString)
    async with call as stream:
        await stream.request(SECRET, EVERYTHING, who=node(node_id, PROXIES[node_id][0]))
        assert list((await stream.receive()).resources) == []


@pytest.mark.parametrize("node_id", PROXIES)
async def test_state_of_the_world_gives_a_proxy_its_own(channel: aio.Channel, node_id: str) -> None:
    labels, own = PROXIES[node_id]
    call = SotwStream(channel, f"{ADS}/StreamAggregatedResources", DiscoveryResponse.FromString)
    async with call as stream:
        await stream.request(SECRET, *EVERYTHING, who=node(node_id, labels))
        if not own:
            await stream.assert_quiet()
            return
        response = await stream.receive()
        assert len(response.resources) == len(own)
        content = b"".join(each.value for each in response.resources)
        assert {name for name in map(str, own) if f"kubernetes://{name}".encode() in content} == own
