"""Random valid changes under load."""

from __future__ import annotations

import asyncio
import os
import time
from random import Random

import pytest

from e2e.lab import Lab
from e2e.load import load
from e2e.load_mesh import HOST, start
from e2e.soak.changes import Changes
from e2e.soak.usage import Usage

MINUTES = float(os.environ.get("PILOTHOUSE_SOAK_MINUTES", "1"))
SEED = int(os.environ.get("PILOTHOUSE_SOAK_SEED", "1"))

_REQUESTS_PER_SECOND = 50.0
_CHANGES_PER_SECOND = 5.0
_AT_ONCE = 8
"""Few, so that the number of connections, and what they take, is much the same however slow the machine becomes."""

_SAMPLES = 60


async def test_nothing_fails_and_nothing_grows(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    mesh = await start(lab)
    changes = Changes(mesh, Random(SEED))
    usages = [Usage(child.command.name, child.pid) for child in lab.processes.children]
    made, end = 0, time.monotonic() + MINUTES * 60
    sampled = time.monotonic()
    async with load(mesh.client, HOST, _REQUESTS_PER_SECOND, at_once=_AT_ONCE) as traffic:
        while time.monotonic() < end:
            changes.make()
            made += 1
            if time.monotonic() >= sampled:
                sampled += MINUTES * 60 / _SAMPLES
                for usage in usages:
                    usage.sample()
            await asyncio.sleep(1 / _CHANGES_PER_SECOND)

    grown = {usage.name: usage.growth() for usage in usages}
    with capsys.disabled():
        print(f"\n{made} changes, {traffic.requests} requests, {len(traffic.failures)} failed; seed {SEED}")
        for name, growth in grown.items():
            print(f"{name}: {growth.resident:+.1f} MB, {growth.files:+d} files, {growth.threads:+d} threads")
    assert traffic.failures == []
    assert {name: [*growth.excesses()] for name, growth in grown.items()} == {name: [] for name in grown}
