"""The memory of pure functions: once for one input, and nothing kept that nobody asks for."""

from __future__ import annotations

from enum import Enum

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


def test_what_an_owner_keeps_stays_until_it_keeps_something_else() -> None:
    memo, inner, seed = Memo(), Counted(), object()

    def outer(version: int, again: Memo) -> object:
        return again(inner, seed)

    memo.keep("owner", outer, 1, memo)
    memo.keep("owner", outer, 2, memo)
    assert inner.calls == 1
    assert len(memo) == 2
    memo.release("owner")
    assert len(memo) == 0


def test_what_two_owners_have_in_common_stays_while_one_keeps_it() -> None:
    memo, shared, seed = Memo(), Counted(), object()

    def outer(owner: str, again: Memo) -> object:
        return again(shared, seed)

    for owner in ("a", "b"):
        memo.keep(owner, outer, owner, memo)
    memo.release("a")
    memo.keep("b", outer, "b again", memo)
    assert shared.calls == 1


def test_sweep_forgets_what_nobody_owns() -> None:
    memo, kept, asked, seed = Memo(), Counted(), Counted(), object()
    memo.keep("owner", kept, seed)
    memo(asked, seed)
    memo.sweep()
    assert len(memo) == 1
    memo.keep("other", kept, seed)
    memo(asked, seed)
    assert (kept.calls, asked.calls) == (1, 2)


def test_memory_is_flat_over_many_changes() -> None:
    memo = Memo()
    sizes = []
    for _ in range(100):
        memo.keep("owner", Counted(), object())
        sizes.append(len(memo))
    assert max(sizes) == 1
