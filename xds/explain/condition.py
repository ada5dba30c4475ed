"""One condition of a policy, put to what there is: whether it holds, what it asks for, and what was found instead."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Condition:
    """wanted: what is asked for, in words. seen: what there is, in words, whether it is as asked or not."""

    holds: bool
    wanted: str
    seen: str

    @property
    def mismatch(self) -> str:
        """Why it does not hold: ``asks that method is "GET", but method is POST``."""
        if self is _NOTHING:
            return "is for nothing"
        return f"asks that {self.wanted}" + (f", but {self.seen}" if self.seen else "")


ANYTHING = Condition(holds=True, wanted="it is anything", seen="")
_NOTHING = Condition(holds=False, wanted="it is nothing", seen="")


def every(conditions: Iterable[Condition]) -> Condition:
    """All have to hold. Asks no further once one does not, which is then the one that is told."""
    held: list[Condition] = []
    for condition in conditions:
        if not condition.holds:
            return condition
        held.append(condition)
    return _joined(held, " and ", holds=True)


def some(conditions: Iterable[Condition]) -> Condition:
    """One has to hold. Asks no further once one does."""
    missed: list[Condition] = []
    for condition in conditions:
        if condition.holds:
            return condition
        missed.append(condition)
    return _joined(missed, " or ", holds=False)


def inverted(condition: Condition) -> Condition:
    """It must not hold."""
    if condition is ANYTHING:
        return _NOTHING
    return Condition(not condition.holds, f"not: {condition.wanted}", condition.seen)


def _joined(conditions: Iterable[Condition], word: str, *, holds: bool) -> Condition:
    """What several say, each thing once."""
    found = tuple(conditions)
    if len(found) == 1:
        return found[0]
    wanted = word.join(dict.fromkeys(each.wanted for each in found)) or "it is nothing"
    return Condition(holds, wanted, " and ".join(dict.fromkeys(each.seen for each in found if each.seen)))
