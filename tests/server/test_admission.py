"""Places: limited, in order, given back in every way that a stream may end."""

from __future__ import annotations

import asyncio

from xds.server.admission import Admission, Place

QUIET = 0.05


async def entered(admission: Admission, count: int) -> list[asyncio.Task[Place]]:
    tasks = [asyncio.create_task(admission.enter()) for _ in range(count)]
    await asyncio.sleep(QUIET)
    return tasks


async def test_so_many_enter_and_the_rest_wait_in_order() -> None:
    tasks = await entered(Admission(2, hold=60.0), 5)
    assert [task.done() for task in tasks] == [True, True, False, False, False]
    tasks[0].result().leave()
    await asyncio.sleep(QUIET)
    assert [task.done() for task in tasks] == [True, True, True, False, False]
    await _cancelled(tasks)


async def test_leaving_twice_lets_in_one() -> None:
    tasks = await entered(Admission(1, hold=60.0), 3)
    tasks[0].result().leave()
    tasks[0].result().leave()
    await asyncio.sleep(QUIET)
    assert [task.done() for task in tasks] == [True, True, False]
    await _cancelled(tasks)


async def test_a_place_held_too_long_is_free() -> None:
    admission = Admission(1, hold=0.01)
    async with asyncio.timeout(2.0):
        for _ in range(5):
            await admission.enter()


async def test_who_leaves_a_place_that_was_held_too_long_lets_nobody_in() -> None:
    admission = Admission(1, hold=0.2)
    slow, second, third = await entered(admission, 3)
    async with asyncio.timeout(2.0):
        await second
    slow.result().leave()
    await asyncio.sleep(0)
    assert not third.done()
    await _cancelled([slow, second, third])


async def test_a_client_that_stops_waiting_takes_no_place() -> None:
    admission = Admission(1, hold=60.0)
    first, second, third = await entered(admission, 3)
    second.cancel()
    first.result().leave()
    async with asyncio.timeout(2.0):
        (await third).leave()
        (await admission.enter()).leave()


async def _cancelled(tasks: list[asyncio.Task[Place]]) -> None:
    for task in tasks:
        if task.done():
            task.result().leave()
        task.cancel()
    for place in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(place, Place):
            place.leave()
