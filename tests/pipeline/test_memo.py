"""The memory of pure functions: once for one input, and nothing kept that nobody asks for."""

from __future__ import annotations

from enum import Enum
from functools import partial

import pytest

from xds.pipeline.memo import Memo


class Colour(Enum):
    RED = 1
    BLUE = 2


class Counted:
    """A function that counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, *args: object) -> tuple[object, ...]:
        self.calls += 1
        return args


def test_the_same_inputs_are_computed_once() -> None:
    memo, function, thing = Memo(), Counted(), ("a", "tuple")
    assert memo(function, thing, 1, "x", None, Colour.RED) is memo(function, thing, 1, "x", None, Colour.RED)
    assert function.calls == 1


def test_objects_count_by_identity_and_scalars_by_value() -> None:
    memo, function = Memo(), Counted()
    one, other = ["equal"], ["equal"]
    assert memo(function, one) is not memo(function, other)
    assert memo(function, "ab") is memo(function, "".join(("a", "b")))
    assert memo(function, Colour.RED) is not memo(function, Colour.BLUE)


def test_an_identity_is_never_reused_while_its_result_is_kept() -> None:
    memo = Memo()
    for value in range(1000):
        assert memo(lambda box: box[0], [value]) == value


def test_keyword_arguments_are_refused() -> None:
    with pytest.raises(TypeError, match="positional arguments only"):
        Memo()(dict, a=1)


def test_a_failure_is_not_remembered() -> None:
    memo = Memo()
    outcomes = iter((ValueError("first"), None))

    def sometimes() -> str:
        if error := next(outcomes):
            raise error
        return "fine"

    with pytest.raises(ValueError, match="first"):
        memo(sometimes)
    assert memo(sometimes) == "fine"


def test_sweep_keeps_what_is_asked_for_and_what_that_was_made_of() -> None:
    memo, inner, other = Memo(), Counted(), Counted()

    def outer(seed: object, again: Memo) -> object:
        return again(inner, seed)

    seed = object()
    memo(outer, seed, memo)
    memo(other, seed)
    assert memo.sweep(lambda: memo(outer, seed, memo)) == 1  # a hit: `inner` is not asked for, and still survives
    memo(inner, seed)
    assert inner.calls == 1
    memo(other, seed)
    assert other.calls == 2


def test_memory_is_flat_over_many_changes() -> None:
    memo = Memo()
    sizes = []
    for _ in range(100):
        function, change = Counted(), object()
        memo(function, change)
        memo.sweep(partial(memo, function, change))
        sizes.append(len(memo))
    assert sizes == [1] * 100
