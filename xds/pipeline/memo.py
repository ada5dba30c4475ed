"""Memory of pure functions: work is done once for one input.

A cluster is a pure function of its service, its policy and little else. `Memo` remembers results by the *identity* of
their inputs, which is cheap and, because unchanged parts of a Mesh keep their identity, exact. Numbers, strings,
booleans, enum members and None count by value.

An entry keeps its inputs alive, so an identity is never reused while the entry exists. Entries that no longer belong
to anything are found as a garbage collector finds them: every entry knows which entries were asked for while it was
computed, and `sweep` keeps what can be reached from the entries that are still asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from enum import Enum
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_BY_VALUE: Final = (str, int, float, bool, bytes, type(None), Enum)


class _ByValue(dict[type, bool]):
    """Which classes count by value. Asked for every argument of every call, so each answer is kept."""

    def __missing__(self, cls: type) -> bool:
        return self.setdefault(cls, issubclass(cls, _BY_VALUE))


_by_value: Final = _ByValue()


class _Entry:
    __slots__ = ("children", "inputs", "key", "value")

    def __init__(self, key: Hashable, inputs: tuple[object, ...]) -> None:
        self.key = key
        self.inputs = inputs
        self.value: object = None
        self.children: list[_Entry] = []


class Memo:
    """Remembers what pure functions returned.

    Call it with a function and its arguments instead of calling the function: ``memo(build_cluster, service, port)``.
    The function must be pure, must be the same object each time (a module-level function or a method of a frozen
    object), and its result must never be changed. If it needs to remember more, pass it the memo as an argument.
    """

    def __init__(self) -> None:
        self._entries: dict[Hashable, _Entry] = {}
        self._stack: list[_Entry] = []
        self._roots: dict[Hashable, _Entry] = {}

    def __call__(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What ``function(*args)`` returns, computed at most once for these arguments. Keyword arguments are refused.

        Raises what the function raises, and then remembers nothing.
        """
        if kwargs:
            raise TypeError(f"memo takes positional arguments only, {function.__qualname__} got {sorted(kwargs)}")
        key = (function, *[arg if _by_value[type(arg)] else id(arg) for arg in args])
        entry = self._entries.get(key)
        if entry is None:
            entry = self._compute(key, function, args)
        if self._stack:
            self._stack[-1].children.append(entry)
        else:
            self._roots[key] = entry
        return entry.value  # type: ignore[return-value]  # the key holds the function, and the function returns T

    def _compute(self, key: Hashable, function: Callable[..., object], args: tuple[object, ...]) -> _Entry:
        entry = _Entry(key, args)
        self._stack.append(entry)
        try:
            entry.value = function(*args)
        finally:
            self._stack.pop()
        self._entries[key] = entry
        return entry

    def __len__(self) -> int:
        return len(self._entries)

    def sweep(self, ask: Callable[[], object]) -> int:
        """Forgets every entry that ``ask`` does not ask for, directly or within another; returns how many."""
        self._roots = {}
        ask()
        live: dict[Hashable, _Entry] = {}
        pending = list(self._roots.values())
        while pending:
            entry = pending.pop()
            if entry.key not in live:
                live[entry.key] = entry
                pending.extend(entry.children)
        dropped = len(self._entries) - len(live)
        self._entries = live
        self._roots = {}
        return dropped
