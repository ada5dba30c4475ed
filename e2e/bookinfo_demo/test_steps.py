"""Every step of the Bookinfo demo on one running mesh, with the checks of `pilothouse demo --check`.

Every answer on the way is compared with what `pilothouse explain` says.
"""

from __future__ import annotations

import pytest

from e2e.bookinfo_witness import Witness, WitnessedShop
from examples.bookinfo.topology import STEPS, Step
from xds.app.demo.check import LIVE_SECONDS, perform
from xds.app.demo.session import Running

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
async def test_step(step: Step, running: Running) -> None:
    plan = running.shop.plan
    witness = Witness(plan)
    outcome = await perform(step, WitnessedShop(running.shop.session, plan, witness))

    assert outcome.problem == ""
    assert outcome.live_after is not None
    assert outcome.live_after < LIVE_SECONDS
    assert witness.compare() > 0


async def test_no_process_has_ended_on_the_way(running: Running) -> None:
    assert [child.command.name for child in running.processes.children if not child.running] == []
