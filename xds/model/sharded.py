"""A large immutable mapping of which changed versions are cheap: they share all shards but those of changed keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Final, TypeVar, overload
from zlib import crc32

K = TypeVar("K", bound=str | tuple[str, ...])
V = TypeVar("V")
T = TypeVar("T")

SHARDS: Final = 64


def shard_of(key: str | tuple[str, ...]) -> int:
    """In which shard a key is. The same in every process, so that no order depends on chance."""
    return crc32((key if isinstance(key, str) else "\0".join(key)).encode()) % SHARDS


class Sharded(Mapping[K, V]):
    """A mapping in `SHARDS` parts by `shard_of`. Ordered by shard. Shards that are the same object are equal."""

    __slots__ = ("shards",)

    def __init__(self, shards: tuple[Mapping[K, V], ...] = ({},) * SHARDS) -> None:
        self.shards = shards

    def __getitem__(self, key: K) -> V:
        return self.shards[shard_of(key)][key]

    @overload
    def get(self, key: K, default: None = None) -> V | None: ...

    @overload
    def get(self, key: K, default: V) -> V: ...

    @overload
    def get(self, key: K, default: T) -> V | T: ...

    def get(self, key: K, default: object = None) -> object:
        return self.shards[shard_of(key)].get(key, default)

    def __iter__(self) -> Iterator[K]:
        return chain.from_iterable(self.shards)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str | tuple) and key in self.shards[shard_of(key)]

    def __len__(self) -> int:
        return sum(map(len, self.shards))


def sharded(mapping: Mapping[K, V]) -> Sharded[K, V]:
    """The same mapping in shards; itself if it is."""
    if isinstance(mapping, Sharded):
        return mapping
    shards: list[dict[K, V]] = [{} for _ in range(SHARDS)]
    for key, value in mapping.items():
        shards[shard_of(key)][key] = value
    return Sharded(tuple(shards))
