"""What the tests of faults do under load."""

from __future__ import annotations

import time

from e2e.faults.table import Fault, Measured
from e2e.load import Traffic
from e2e.load_mesh import LoadMesh, put, route

RATE = 50.0
"""Requests a second."""

LIVE_SECONDS = 40.0
"""Envoys that have lost their control plane wait up to 5 s between attempts, and a busy machine takes its time."""


async def live(mesh: LoadMesh, traffic: Traffic, version: str) -> float:
    """Has every request go to a version, and returns after how many seconds the first was sent from which on all are
    answered by it."""
    began = time.monotonic()
    put(mesh.lab.config, "virtual-service", route(**{version: 100}))
    return await traffic.sees_only([version], LIVE_SECONDS) - began


def record(measured: list[Measured], fault: Fault, traffic: Traffic, afterwards: str) -> None:
    """Keeps the figures, and fails if a request has."""
    measured.append(Measured(fault, traffic.requests, len(traffic.failures), afterwards))
    assert traffic.failures == [], f"{len(traffic.failures)}: {traffic.failures[:10]}"
