"""What a case is: a name, the figures that it measures, and the function that measures them once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Size:
    """How much to measure.

    services: each with endpoints, Pods, a VirtualService and a DestinationRule. endpoints: of each service.
    processes: fresh processes for a case that is only true once in a process. changes: measured of a kind. streams: to
    one server.
    """

    services: int
    endpoints: int
    processes: int
    changes: int
    streams: int


FULL = Size(services=1000, endpoints=10, processes=5, changes=200, streams=1000)
QUICK = Size(services=50, endpoints=10, processes=1, changes=20, streams=50)


@dataclass(frozen=True, slots=True)
class Figure:
    """One number. name: unique in its case. unit: such as ``ms`` or ``MB``. goal: what it is to stay below, if any."""

    name: str
    unit: str
    goal: float | None = None


Samples: TypeAlias = Mapping[str, Sequence[float]]
"""By figure, every value measured."""


@dataclass(frozen=True, slots=True)
class Case:
    """A measurement. cold: it is only true once in a process, so it is repeated in several."""

    name: str
    figures: tuple[Figure, ...]
    measure: Callable[[Size], Samples]
    cold: bool = False
