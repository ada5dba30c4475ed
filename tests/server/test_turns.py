"""A few go at a time, and whoever is slow keeps nobody waiting for long."""

from __future__ import annotations

import asyncio

from xds.server.turns import Turn, Turns

LONG = 60.0


async def waiting(turns: Turns) -> asyncio.Task[Turn]:
    """Somebody who wants a turn and has had time to get one."""
    task = asyncio.create_task(turns.take())
    await asyncio.sleep(0)
    return task


async def test_whoever_comes_first_goes_first_and_the_next_when_a_turn_ends() -> None:
    turns = Turns(2, LONG)
    first, _ = await turns.take(), await turns.take()
    third, fourth = await waiting(turns), await waiting(turns)
    assert not third.done()
    first.end()
    await asyncio.sleep(0)
    assert third.done()
    assert not fourth.done()
    (await third).end()
    await fourth


async def test_a_turn_that_is_ended_twice_lets_one_go() -> None:
    turns = Turns(1, LONG)
    first = await turns.take()
    second, third = await waiting(turns), await waiting(turns)
    first.end()
    first.end()
    await second
    await asyncio.sleep(0)
    assert not third.done()
    (await second).end()
    (await third).end()


async def test_a_turn_is_over_by_itself_and_ending_it_then_lets_nobody_go() -> None:
    turns = Turns(1, 0.01)
    slow = await turns.take()
    async with asyncio.timeout(10):
        second = await turns.take()
    third = await waiting(turns)
    slow.end()
    await asyncio.sleep(0)
    assert not third.done()
    second.end()
    await third
