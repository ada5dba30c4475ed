"""Responses put together from encoded resources, by concatenation.

In both response messages the nonce is a later field than the resources, so a response is a body, which every stream
that is told the same shares, and a short suffix of its own.

Field numbers (``envoy.service.discovery.v3``): DiscoveryResponse version_info 1, resources 2, type_url 4, nonce 5.
DeltaDiscoveryResponse system_version_info 1, resources 2, type_url 4, nonce 5, removed_resources 6.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import cached_property

from xds.protocol.envelope import as_any, as_heartbeat, as_resource
from xds.resources import Reference, Resource, TypeUrl
from xds.wire.splice import enclosed, field

_VERSION, _RESOURCES, _TYPE_URL, _NONCE, _REMOVED = 1, 2, 4, 5, 6


class Batch(ABC):
    """What one response carries. Immutable; its body is put together on first use, then kept."""

    def __init__(
        self,
        type_url: TypeUrl,
        resources: tuple[Resource, ...],
        removed: tuple[str, ...] = (),
        version: str = "",
        heartbeats: tuple[Resource, ...] = (),
    ) -> None:
        """version: of the state that the response brings about; by default it is derived from the content.

        heartbeats: what the client has, and is to go on having.
        """
        self.type_url = type_url
        self.resources = resources
        self.removed = removed
        self.heartbeats = heartbeats
        self.version = version or batch_version((*resources, *heartbeats), removed)

    @cached_property
    def contents(self) -> tuple[tuple[str, str], ...]:
        """Name and version of each resource."""
        return tuple((each.name, each.version) for each in self.resources)

    @cached_property
    def expiring(self) -> tuple[Resource, ...]:
        """What a client that takes this in will drop unless it hears of it again."""
        return tuple(each for each in (*self.resources, *self.heartbeats) if each.ttl is not None)

    @cached_property
    def body(self) -> bytes:
        """The encoded response but for its nonce."""
        return b"".join(
            (
                field(_VERSION, self.version.encode()),
                *self._frames(),
                field(_TYPE_URL, self.type_url.encode()),
            )
        )

    @cached_property
    def references(self) -> tuple[Reference, ...]:
        """What the resources refer to."""
        return tuple(reference for resource in self.resources for reference in resource.references)

    @abstractmethod
    def _frames(self) -> Iterable[bytes]:
        """The encoded ``resources`` fields, and whatever else may precede the nonce, in pieces."""

    def encode(self, nonce: str) -> bytes:
        return self.body + field(_NONCE, nonce.encode())


class SotwBatch(Batch):
    """The content of a ``DiscoveryResponse``."""

    def _frames(self) -> Iterable[bytes]:
        for resource in self.resources:
            yield from enclosed(_RESOURCES, *as_any(resource))


class DeltaBatch(Batch):
    """The content of a ``DeltaDiscoveryResponse``."""

    def _frames(self) -> Iterable[bytes]:
        for resource in self.resources:
            yield from enclosed(_RESOURCES, *as_resource(resource))
        for resource in self.heartbeats:
            yield from enclosed(_RESOURCES, *as_heartbeat(resource))
        for name in self.removed:
            yield field(_REMOVED, name.encode())


def batch_version(resources: Iterable[Resource], removed: Iterable[str]) -> str:
    """16 hex characters over the content, the same on every replica."""
    digest = hashlib.blake2b(digest_size=8)
    for resource in resources:
        digest.update(f"{resource.name}\0{resource.version}\0".encode())
    for name in removed:
        digest.update(f"-{name}\0".encode())
    return digest.hexdigest()
