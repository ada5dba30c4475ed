"""Which resources may need which others, told from their bytes alone.

A message that names another resource holds that name as a string, which protobuf encodes as its length and its bytes.
So the search may find a name that means something else, but never misses one that is written out.
"""

from __future__ import annotations

from collections.abc import Iterable

from xds.resources import Resource
from xds.wire.splice import field


def mentions_any(resource: Resource, names: Iterable[str]) -> bool:
    """Whether the body of a resource holds one of these names as a string."""
    return any(_as_string(name) in resource.body for name in names)


def _as_string(name: str) -> bytes:
    """Its encoding in any field: what follows the tag."""
    return field(1, name.encode())[1:]
