"""The search for what Envoy refuses."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from xds.app.preflight_examination import Budget, Findings, examine
from xds.resources import CLUSTER, Resource

PLENTY = Budget(questions=1000, seconds=60)


class Judge:
    """Refuses the resources with these numbers; says which, if asked to."""

    def __init__(self, bad: set[int], *, says_which: bool) -> None:
        self._bad = {str(number) for number in bad}
        self._says_which = says_which
        self.asked = 0

    async def __call__(self, resources: Sequence[Resource]) -> str | None:
        self.asked += 1
        bad = [resource.name for resource in resources if resource.name in self._bad]
        if not bad:
            return None
        return f"cluster <{bad[0]}>" if self._says_which else "something"


async def examined(count: int, judge: Judge, budget: Budget = PLENTY) -> tuple[Findings, list[Resource]]:
    resources = [Resource.of(CLUSTER, str(number), b"") for number in range(count)]
    return await examine(resources, judge, budget), resources


@given(st.integers(0, 40), st.sets(st.integers(0, 39)), st.booleans())
async def test_finds_exactly_what_is_refused(count: int, bad: set[int], says_which: bool) -> None:
    findings, resources = await examined(count, Judge(bad, says_which=says_which))

    assert {resource.name for resource in findings.refused} == {str(number) for number in bad if number < count}
    assert not findings.unchecked
    assert len(findings.refused) + len(findings.sound) == len(resources)


@given(st.sets(st.integers(0, 39)), st.integers(0, 12))
async def test_asks_no_more_than_the_budget_allows_and_loses_nothing(bad: set[int], questions: int) -> None:
    judge = Judge(bad, says_which=False)
    findings, resources = await examined(40, judge, Budget(questions, 60))

    assert judge.asked <= questions
    every = [*findings.refused, *findings.sound, *findings.unchecked]
    assert sorted(map(id, every)) == sorted(map(id, resources))


async def test_asks_nothing_when_time_is_up() -> None:
    judge = Judge({1}, says_which=True)
    findings, resources = await examined(3, judge, Budget(seconds=0))

    assert judge.asked == 0
    assert findings.unchecked == resources


async def test_a_name_in_the_reason_leads_straight_to_it() -> None:
    judge = Judge({777}, says_which=True)
    findings, _ = await examined(1000, judge)

    assert [resource.name for resource in findings.refused] == ["777"]
    assert judge.asked <= 8
