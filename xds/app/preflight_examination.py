"""Finds the resources that Envoy does not accept, by asking it about many at once, within a budget."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from xds.resources import Resource

Validate = Callable[[Sequence[Resource]], Awaitable[str | None]]
"""Why Envoy does not accept these resources together; None if it does. May raise anything if it cannot be asked."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What one examination may cost. questions: how often Envoy may be asked; seconds: when asking ends."""

    questions: int = 40
    seconds: float = 3.0


@dataclass(frozen=True, slots=True)
class Findings:
    """What came out. refused: by resource, Envoy's reason. sound: what it accepts.

    unchecked: what the budget did not suffice for.
    """

    refused: dict[Resource, str]
    sound: list[Resource]
    unchecked: list[Resource]


async def examine(resources: Sequence[Resource], validate: Validate, budget: Budget) -> Findings:
    """Asks about all at once, and if they are refused about ever smaller parts: first about those named as the reason.

    Resources are told apart by identity; of each type there must be no name twice. Raises what ``validate`` raises.
    """
    examination = _Examination(validate, budget)
    await examination.ask(resources)
    return examination.findings


class _Examination:
    def __init__(self, validate: Validate, budget: Budget) -> None:
        self._validate = validate
        self._questions = budget.questions
        self._deadline = time.monotonic() + budget.seconds
        self.findings = Findings({}, [], [])

    async def ask(self, resources: Sequence[Resource]) -> None:
        if not resources:
            return
        if self._questions <= 0 or time.monotonic() >= self._deadline:
            self.findings.unchecked.extend(resources)
            return
        self._questions -= 1
        reason = await self._validate(resources)
        if reason is None:
            self.findings.sound.extend(resources)
        elif len(resources) == 1:
            self.findings.refused[resources[0]] = reason
        else:
            for part in _parts(resources, reason):
                await self.ask(part)


def _parts(resources: Sequence[Resource], reason: str) -> tuple[Sequence[Resource], Sequence[Resource]]:
    """Two parts, neither of them empty: what the reason names and the rest, or else two halves."""
    named = [resource for resource in resources if resource.name in reason]
    if 0 < len(named) < len(resources):
        return named, [resource for resource in resources if resource.name not in reason]
    middle = len(resources) // 2
    return resources[:middle], resources[middle:]
