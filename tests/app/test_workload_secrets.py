"""What streams of a proven identity are given beside their configuration, and when it is another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.translators import kit
from xds.app.security import open_authority
from xds.app.workload_secrets import WorkloadSecrets
from xds.model.identity import SpiffeId
from xds.resources import EMPTY_SNAPSHOT, SECRET, Snapshot
from xds.server import BroadcastSource, Subscription

REVIEWS = replace(kit.SIDECAR, identity=SpiffeId.of_workload("cluster.local", "default", "reviews"))


def versions(subscription: Subscription) -> dict[str, str]:
    snapshot = subscription.latest()
    assert snapshot is not None
    return {resource.name: resource.version for resource in snapshot[SECRET]}


async def test_certificates_follow_their_signer_and_bundles_their_roots(tmp_path: Path) -> None:
    authority = open_authority(tmp_path / "ca", "cluster.local")
    source, woken = WorkloadSecrets(BroadcastSource(Snapshot({})), authority), list[int]()
    one, other = source.connect(REVIEWS, lambda: woken.append(1)), source.connect(REVIEWS, lambda: woken.append(2))
    first = versions(one)
    assert first.keys() == {"default", "ROOTCA", str(REVIEWS.identity), "spiffe://cluster.local"}
    assert one.latest() is one.latest()
    assert versions(other) == first
    authority.prepare()
    source.changed()
    assert woken == [1, 2]
    prepared = versions(one)
    assert (prepared["default"], prepared["ROOTCA"] != first["ROOTCA"]) == (first["default"], True)
    authority.activate()
    activated = versions(one)
    assert (activated["default"] != first["default"], versions(other)) == (True, activated)
    for each in (one, other):
        each.close()
    again = source.connect(REVIEWS, lambda: None)
    assert versions(again)["default"] != activated["default"]  # the key of before has been forgotten
    again.close()


async def test_a_stream_without_an_identity_or_with_an_agent_is_given_nothing(tmp_path: Path) -> None:
    authority = open_authority(tmp_path / "ca", "cluster.local")
    source = WorkloadSecrets(BroadcastSource(EMPTY_SNAPSHOT), authority)
    for proxy in (kit.SIDECAR, replace(REVIEWS, proxyless=True), replace(REVIEWS, sds_from_agent=True)):
        assert versions(source.connect(proxy, lambda: None)) == {}
