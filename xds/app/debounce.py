"""When to act on changes: the first after quiet at once, a burst gathered, none waiting longer than a bound."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Debounce:
    """Leading-edge debounce. Pure: all times are seconds on one clock.

    quiet: after this long without a change a burst is over. max_delay: no change waits longer than this.
    """

    quiet: float = 0.05
    max_delay: float = 0.5

    def due(self, first: float, last: float, acted: float | None) -> float:
        """The time at which to act on the changes that arrived from ``first`` to ``last``.

        acted: when we last acted, or None. A change that comes after ``quiet`` of doing nothing is due on arrival.
        """
        if acted is None or first - acted >= self.quiet:
            return first
        return min(max(last, acted) + self.quiet, first + self.max_delay)
