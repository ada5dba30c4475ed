"""What streams of a proven identity are given beside their configuration, and when it is another."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import pytest

from tests.translators import kit
from xds.app.security import open_authority
from xds.app.workload_secrets import RENEWED_PER_SECOND, WorkloadSecrets
from xds.model.identity import SpiffeId
from xds.resources import EMPTY_SNAPSHOT, SECRET, Snapshot
from xds.server import BroadcastSource, Subscription

REVIEWS = replace(kit.SIDECAR, identity=SpiffeId.of_workload("cluster.local", "default", "reviews"))


def versions(subscription: Subscription) -> dict[str, str]:
    snapshot = subscription.latest()
    assert snapshot is not None
    return {resource.name: resource.version for resource in snapshot[SECRET]}


def content(subscription: Subscription, name: str) -> bytes:
    snapshot = subscription.latest()
    assert snapshot is not None
    return next(resource.body for resource in snapshot[SECRET] if resource.name == name)


async def test_certificates_follow_their_signer_and_bundles_their_roots(tmp_path: Path) -> None:
    authority = open_authority(tmp_path / "ca", "cluster.local")
    source, woken = WorkloadSecrets(BroadcastSource(Snapshot({})), authority), list[int]()
    one, other = source.connect(REVIEWS, lambda: woken.append(1)), source.connect(REVIEWS, lambda: woken.append(2))
    first = versions(one)
    assert first.keys() == {"default", "ROOTCA", "ALL", str(REVIEWS.identity), "spiffe://cluster.local"}
    assert one.latest() is one.latest()
    assert versions(other) == first
    authority.prepare()
    source.changed()
    assert woken == [1, 2]
    prepared = versions(one)
    assert (prepared["default"], prepared["ROOTCA"] != first["ROOTCA"]) == (first["default"], True)
    authority.activate()
    source.changed()
    assert versions(one)["ROOTCA"] != prepared["ROOTCA"]  # the order of the bundle: roots do not wait
    async with asyncio.timeout(10):
        while (activated := versions(one))["default"] == first["default"]:  # noqa: ASYNC110 - a timer of its own
            await asyncio.sleep(0.01)
    assert versions(other) == activated
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


async def test_many_are_renewed_some_at_a_time_when_another_root_signs(tmp_path: Path) -> None:
    authority = open_authority(tmp_path / "ca", "cluster.local")
    source = WorkloadSecrets(BroadcastSource(Snapshot({})), authority)
    count, delays = RENEWED_PER_SECOND // 5, list[float]()
    identities = [SpiffeId.of_workload("cluster.local", "default", f"w-{number}") for number in range(count)]
    streams = [source.connect(replace(REVIEWS, identity=identity), lambda: None) for identity in identities]
    before = [versions(stream)["default"] for stream in streams]
    authority.prepare()
    authority.activate()
    loop, started = asyncio.get_running_loop(), asyncio.get_running_loop().time()
    with patch.object(loop, "call_later", lambda delay, *_: delays.append(delay)):
        source.changed()
    assert loop.time() - started < 5
    assert len(delays) == count
    assert 0 <= min(delays) <= max(delays) <= count / RENEWED_PER_SECOND
    assert len(set(delays)) > count / 2
    assert [versions(stream)["default"] for stream in streams] == before  # until their moment has come
    for stream in streams:
        stream.close()


async def test_what_is_revoked_goes_to_everybody_with_the_roots(tmp_path: Path) -> None:
    authority = open_authority(tmp_path / "ca", "cluster.local")
    source = WorkloadSecrets(BroadcastSource(Snapshot({})), authority)
    stream = source.connect(REVIEWS, lambda: None)
    before = versions(stream)
    assert b"X509 CRL" not in content(stream, "ROOTCA")
    authority.revoke_certificate(4711)
    source.changed()
    assert {name: versions(stream)[name] == before[name] for name in before} == {
        "default": True,
        str(REVIEWS.identity): True,
        "ROOTCA": False,
        "ALL": False,
        "spiffe://cluster.local": False,
    }
    assert content(stream, "ROOTCA").count(b"BEGIN X509 CRL") == 2  # of what signs, and of its root
    stream.close()


@pytest.mark.parametrize("days", [-3, 3])
async def test_a_clock_that_is_set_has_certificates_renewed_once(tmp_path: Path, days: int) -> None:
    authority = open_authority(tmp_path / "ca", "cluster.local")
    source = WorkloadSecrets(BroadcastSource(Snapshot({})), authority)
    stream = source.connect(REVIEWS, lambda: None)
    before, now = versions(stream)["default"], datetime.now(UTC)
    source.look(now)
    source.look(now + timedelta(hours=10))
    await asyncio.sleep(0)
    assert versions(stream)["default"] == before
    with patch.object(asyncio.get_running_loop(), "call_later", wraps=asyncio.get_running_loop().call_later) as later:
        source.look(now + timedelta(days=days))
        source.look(now + timedelta(days=days))
    assert later.call_count == 1
    async with asyncio.timeout(10):
        while versions(stream)["default"] == before:  # noqa: ASYNC110 - a timer of its own
            await asyncio.sleep(0.01)
    stream.close()
