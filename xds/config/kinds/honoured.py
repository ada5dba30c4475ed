"""Short notation for a kind's list of honoured fields."""

from __future__ import annotations

from collections.abc import Mapping


def dotted(prefix: str, fields: str) -> frozenset[str]:
    """The paths of the space-separated ``fields`` below ``prefix``."""
    return frozenset(f"{prefix}.{field}" for field in fields.split())


def with_prefixes(fields_by_prefix: Mapping[str, str]) -> frozenset[str]:
    """:func:`dotted` for several prefixes at once."""
    return frozenset(path for prefix, fields in fields_by_prefix.items() for path in dotted(prefix, fields))
