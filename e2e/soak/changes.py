"""Valid changes of a mesh under load, chosen by chance from a seed."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from e2e.load_mesh import HOST, LoadMesh, route, rule, service, workload

_POLICIES = ("LEAST_REQUEST", "ROUND_ROBIN", "RANDOM")
_OTHERS = 20
"""How many services there are at most beside the one that is asked for."""


class Changes:
    """One after the other, each of which leaves something to answer every request."""

    def __init__(self, mesh: LoadMesh, random: Random) -> None:
        self._mesh = mesh
        self._random = random
        self._spare = False
        self._others: set[int] = set()

    def make(self) -> None:
        """Makes one."""
        sorts: tuple[Callable[[], None], ...] = (self._route, self._rule, self._instance, self._other, self._other)
        self._random.choice(sorts)()

    def _route(self) -> None:
        share = self._random.randint(0, 100)
        self._mesh.put("virtual-service", route(v1=share, v2=100 - share))

    def _rule(self) -> None:
        self._mesh.put("destination-rule", rule("v1", "v2", policy=self._random.choice(_POLICIES)))

    def _instance(self) -> None:
        self._spare = not self._spare
        spare = workload("spare", "v2", self._mesh.addresses["spare"])
        self._mesh.put("workload-spare", spare if self._spare else None)

    def _other(self) -> None:
        number = self._random.randrange(_OTHERS)
        there = number in self._others
        self._others ^= {number}
        self._mesh.put(f"other-{number}", None if there else service(f"{HOST}-{number}", other=str(number)))
