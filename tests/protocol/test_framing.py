"""Bodies put together by concatenation are what protobuf itself would have written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from xds.protocol import DeltaBatch, Shared, SotwBatch
from xds.resources import CLUSTER, Resource, ResourceSet
from xds.wire.discovery_pb2 import DeltaDiscoveryResponse, DiscoveryResponse

RESOURCES = st.lists(
    st.builds(lambda name, body: Resource.of(CLUSTER, name, body), st.text(), st.binary(max_size=300)), max_size=5
).map(tuple)


@given(RESOURCES, st.text())
def test_state_of_the_world(resources: tuple[Resource, ...], nonce: str) -> None:
    batch = SotwBatch(CLUSTER, resources)
    message = DiscoveryResponse.FromString(batch.encode(nonce))
    assert (message.version_info, message.type_url, message.nonce) == (batch.version, CLUSTER, nonce)
    assert [(each.type_url, each.value) for each in message.resources] == [(CLUSTER, each.body) for each in resources]


@given(RESOURCES, st.lists(st.text()).map(tuple), st.text())
def test_delta(resources: tuple[Resource, ...], removed: tuple[str, ...], nonce: str) -> None:
    batch = DeltaBatch(CLUSTER, resources, removed)
    message = DeltaDiscoveryResponse.FromString(batch.encode(nonce))
    assert (message.system_version_info, message.type_url, message.nonce) == (batch.version, CLUSTER, nonce)
    assert [(each.name, each.version, each.resource.value) for each in message.resources] == [
        (each.name, each.version, each.body) for each in resources
    ]
    assert tuple(message.removed_resources) == removed


def test_streams_that_are_told_the_same_share_one_body() -> None:
    shared = Shared()
    resource = Resource.of(CLUSTER, "c", b"1")
    parts = [shared.part(DeltaBatch, CLUSTER, (resource,)) for _ in range(3)]
    assert parts[0] is parts[1] is parts[2]
    whole = ResourceSet.of([resource])
    assert shared.full(SotwBatch, CLUSTER, whole) is shared.full(SotwBatch, CLUSTER, whole)
    assert shared.full(SotwBatch, CLUSTER, whole) is not shared.full(DeltaBatch, CLUSTER, whole)


def test_what_is_remembered_is_bounded() -> None:
    shared = Shared(capacity=2)
    first = shared.part(DeltaBatch, CLUSTER, (), ("a",))
    for name in "bc":
        shared.part(DeltaBatch, CLUSTER, (), (name,))
    assert shared.part(DeltaBatch, CLUSTER, (), ("a",)) is not first
