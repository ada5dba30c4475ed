"""What is taken for growth: what a leak does, and not what chance does."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from e2e.soak.usage import Sample, Usage
from xds.app.demo.processes import Command, Processes

BUSY = [Sample(60.0 + number % 3, 30 + number % 5, 10 + number % 2) for number in range(60)]


def excesses(samples: list[Sample]) -> list[str]:
    """What has grown too much in a process of which these samples were taken."""
    return [*Usage("process", 0, samples).growth().excesses()]


def test_a_process_that_is_busy_has_not_grown() -> None:
    begins = [Sample(float(number), number, number) for number in range(20)]
    assert excesses(begins + BUSY[20:]) == []


@pytest.mark.parametrize(
    ("each", "excess"),
    [
        (Sample(0.4, 0, 0), "8.0 MB of memory"),
        (Sample(0.0, 3, 0), "60 open files"),
        (Sample(0.0, 0, 1), "20 threads"),
    ],
)
def test_a_leak_is_seen_whatever_leaks(each: Sample, excess: str) -> None:
    leaking = [
        Sample(60 + number * each.resident, 30 + number * each.files, 10 + number * each.threads)
        for number in range(60)
    ]
    assert excesses(leaking) == [excess]


async def test_a_running_process_is_looked_at(tmp_path: Path) -> None:
    async with Processes(tmp_path) as processes:
        program = (
            "import time; held = [open('/dev/null') for _ in range(50)]; print('ready', flush=True); time.sleep(60)"
        )
        child = await processes.start(Command("child", (sys.executable, "-c", program), tmp_path))
        async with asyncio.timeout(30):
            while "ready" not in child.tail():  # noqa: ASYNC110 - it is its log that says so
                await asyncio.sleep(0.01)
        usage = Usage(child.command.name, child.pid)
        usage.sample()
        (found,) = usage.samples
        assert found.files >= 50
        assert found.threads == 1
        assert found.resident > 5
