"""Services in groups, so that a change costs one look-up for each group instead of one for each service.

Which group a service is in depends on its name alone: others come and go without moving it.
"""

from __future__ import annotations

from zlib import crc32

from xds.model.view import VisibleService

_BUCKETS = 64


def buckets(services: tuple[VisibleService, ...]) -> tuple[tuple[VisibleService, ...], ...]:
    """The same services, grouped; within a group the order is kept."""
    groups: dict[int, list[VisibleService]] = {}
    for visible in services:
        groups.setdefault(crc32(visible.service.hostname.encode()) % _BUCKETS, []).append(visible)
    return tuple(tuple(groups[number]) for number in sorted(groups))
