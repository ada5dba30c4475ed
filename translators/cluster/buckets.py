"""Services in groups, so that a change costs one look-up for each group instead of one for each service.

Which group a service is in depends on its key alone: others come and go without moving it. It is that of its endpoints
in the view.
"""

from __future__ import annotations

from collections.abc import Mapping

from xds.model.sharded import shard_of
from xds.model.view import VisibleService


def buckets(services: tuple[VisibleService, ...]) -> Mapping[int, tuple[VisibleService, ...]]:
    """The same services by `shard_of` their keys; within a group the order is kept."""
    groups: dict[int, list[VisibleService]] = {}
    for visible in services:
        groups.setdefault(shard_of(visible.service.key), []).append(visible)
    return {number: tuple(groups[number]) for number in sorted(groups)}
