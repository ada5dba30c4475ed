"""What the interpreter says beside what an Envoy did."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from e2e.authorization_matrix.client import Outcome
from e2e.authorization_matrix.described import Asked, PolicySet
from e2e.authorization_matrix.oracle import Decision, decide
from e2e.authorization_matrix.running import Running

_AT_ONCE = 16
_LOG_SECONDS = 15.0
_MATCHED = re.compile(r"rbac_access_denied_matched_policy\[ns\[(.+?)\]-policy\[(.+?)\]-rule\[(\d+)\]\]")
Pair = tuple[PolicySet, Asked]


@dataclass(frozen=True)
class Disagreement:
    """said: by Envoy's log."""

    policies: PolicySet
    asked: Asked
    decision: Decision
    outcome: Outcome
    said: str

    def __str__(self) -> str:
        documents = "\n".join(json.dumps({"metadata": p["metadata"], **p["spec"]}) for p in self.policies.policies)
        return f"{self.decision}, but Envoy: {self.outcome.status} {self.said}\n{self.asked}\n{documents}"


async def disagreements(envoy: Running, pairs: Sequence[Pair]) -> list[Disagreement]:
    """All pairs that differ in whether it is allowed, or in which rule is why not."""
    turns = asyncio.Semaphore(_AT_ONCE)

    async def ask(pair: Pair) -> Outcome:
        async with turns:
            return await envoy.ask(*pair)

    outcomes = await asyncio.gather(*map(ask, pairs))
    log = await _log(envoy, {outcome.connection for outcome in outcomes})
    found = []
    for (policies, asked), outcome in zip(pairs, outcomes, strict=True):
        decision, said = decide(policies, asked, envoy.addresses[policies.name]), log[outcome.connection]
        if decision.allowed != outcome.allowed or not _explains(said, decision):
            found.append(Disagreement(policies, asked, decision, outcome, said))
    return found


async def _log(envoy: Running, connections: set[str]) -> Mapping[str, str]:
    """What Envoy says of these connections, once it has written all of it."""
    async with asyncio.timeout(_LOG_SECONDS):
        while not connections <= (said := envoy.said()).keys():  # noqa: ASYNC110 - Envoy is to write
            await asyncio.sleep(0.1)
    return said


def _explains(said: str, decision: Decision) -> bool:
    """Whether a rule that Envoy names is one of those that are the reason, and one is named if a rule is."""
    named = _MATCHED.search(said)
    if decision.reason != "DENY matches":
        return named is None
    return named is not None and "/".join(named.groups()) in decision.rules
