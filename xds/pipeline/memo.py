"""Memory of pure functions: work is done once for one input.

A cluster is a pure function of its service, its policy and little else. `Memo` remembers results by the *identity* of
their inputs, which is cheap and, because unchanged parts of a Mesh keep their identity, exact. Numbers, strings,
booleans, enum members and None count by value.

An entry keeps its inputs alive, so an identity is never reused while the entry exists. What is no longer needed goes
at once and by itself: an entry is owned by the entries that asked for it while they were computed, at the top by
whoever called `Memo.keep`, and nothing else holds it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from enum import Enum
from functools import partial
from typing import Final, ParamSpec, TypeAlias, TypeVar
from weakref import KeyedRef

P = ParamSpec("P")
T = TypeVar("T")

_BY_VALUE: Final = (str, int, float, bool, bytes, type(None), Enum)


class _Entry:
    __slots__ = ("__weakref__", "children", "inputs", "value")

    def __init__(self, inputs: tuple[object, ...]) -> None:
        self.inputs = inputs
        self.value: object = None
        self.children: list[_Entry] = []


_Reference: TypeAlias = KeyedRef[Hashable, _Entry]
"""Finds an entry without keeping it."""


class _ByValue(dict[type, bool]):
    """Whether instances of a type count by value."""

    def __missing__(self, cls: type) -> bool:
        answer = self[cls] = issubclass(cls, _BY_VALUE)
        return answer


class Memo:
    """Remembers what pure functions returned.

    Call it with a function and its arguments instead of calling the function: ``memo(build_cluster, service, port)``.
    The function must be pure, must be the same object each time (a module-level function or a method of a frozen
    object), and its result must never be changed. If it needs to remember more, pass it the memo as an argument.

    What is asked for outside of any remembered function, and not by `keep`, stays until the next `sweep`.
    """

    def __init__(self) -> None:
        self._entries: dict[Hashable, _Reference] = {}
        self._stack: list[_Entry] = []
        self._kept: dict[Hashable, _Entry] = {}
        self._unowned: set[_Entry] = set()
        self._by_value = _ByValue()
        self._forget = partial(_forget, self._entries)

    def __call__(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What ``function(*args)`` returns, computed at most once for these arguments. Keyword arguments are refused.

        Raises what the function raises, and then remembers nothing.
        """
        entry = self._entry(function, args, kwargs)
        if self._stack:
            self._stack[-1].children.append(entry)
        else:
            self._unowned.add(entry)
        return entry.value  # type: ignore[return-value]  # the key holds the function, and the function returns T

    def keep(self, owner: Hashable, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Like a call at the top level; the result stays until ``owner`` keeps another one or is released."""
        entry = self._kept[owner] = self._entry(function, args, kwargs)
        return entry.value  # type: ignore[return-value]  # as above

    def release(self, owner: Hashable) -> None:
        """Forgets what ``owner`` keeps and all that only this was made of."""
        self._kept.pop(owner, None)

    def sweep(self) -> None:
        """Forgets what nobody owns and all that only this was made of."""
        self._unowned.clear()

    def __len__(self) -> int:
        return len(self._entries)

    def _entry(self, function: Callable[..., object], args: tuple[object, ...], kwargs: Mapping[str, object]) -> _Entry:
        if kwargs:
            raise TypeError(f"memo takes positional arguments only, {function.__qualname__} got {sorted(kwargs)}")
        by_value = self._by_value
        key = (function, *[arg if by_value[type(arg)] else id(arg) for arg in args])
        reference = self._entries.get(key)
        entry = reference() if reference is not None else None
        return entry if entry is not None else self._compute(key, function, args)

    def _compute(self, key: Hashable, function: Callable[..., object], args: tuple[object, ...]) -> _Entry:
        entry = _Entry(args)
        self._stack.append(entry)
        try:
            entry.value = function(*args)
        finally:
            self._stack.pop()
        self._entries[key] = KeyedRef(entry, self._forget, key)
        return entry


def _forget(entries: dict[Hashable, _Reference], reference: _Reference) -> None:
    if entries.get(reference.key) is reference:
        del entries[reference.key]
