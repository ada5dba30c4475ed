"""What a stream machine hears and what it says, as frozen values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from xds.protocol.framing import Batch
from xds.resources import Reference, Resource, Snapshot, TypeUrl


@dataclass(frozen=True, slots=True)
class ErrorDetail:
    """Why a client rejected a response (``google.rpc.Status``)."""

    code: int
    message: str


@dataclass(frozen=True, slots=True)
class SotwRequest:
    """A ``DiscoveryRequest``. version: what the client claims to have in force; nonce: the response it answers."""

    type_url: TypeUrl
    names: tuple[str, ...] = ()
    version: str = ""
    nonce: str = ""
    error: ErrorDetail | None = None


@dataclass(frozen=True, slots=True)
class DeltaRequest:
    """A ``DeltaDiscoveryRequest``. initial_versions: by name, what a client that reconnects has already."""

    type_url: TypeUrl
    subscribe: tuple[str, ...] = ()
    unsubscribe: tuple[str, ...] = ()
    initial_versions: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    nonce: str = ""
    error: ErrorDetail | None = None


Request = SotwRequest | DeltaRequest


@dataclass(frozen=True, slots=True, eq=False)
class Send:
    """Write this response now. changed: the resources in it that the client must act on: all of them in delta."""

    nonce: str
    batch: Batch
    changed: tuple[Resource, ...]

    @property
    def type_url(self) -> TypeUrl:
        return self.batch.type_url

    @property
    def references(self) -> Iterable[Reference]:
        """What the client may now wait for: what the changed resources refer to."""
        if self.changed is self.batch.resources:
            return self.batch.references
        return (reference for resource in self.changed for reference in resource.references)

    def encode(self) -> bytes:
        """The whole encoded response message."""
        return self.batch.encode(self.nonce)


@dataclass(frozen=True, slots=True)
class Acked:
    """The client accepted the response with this nonce."""

    type_url: TypeUrl
    nonce: str
    version: str


@dataclass(frozen=True, slots=True)
class Nacked:
    """The client rejected the response with this nonce.

    suspects: the resources that the error names, or else every one that the response changed.
    """

    type_url: TypeUrl
    nonce: str
    version: str
    error: ErrorDetail
    suspects: tuple[Resource, ...]


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The client's interest in a type changed: so many names, and everything else too if wildcard."""

    type_url: TypeUrl
    names: int
    wildcard: bool


@dataclass(frozen=True, slots=True)
class Current:
    """The client that reconnected has everything of this type already; nothing was sent."""

    type_url: TypeUrl


@dataclass(frozen=True, slots=True)
class Quarantined:
    """The names of a type that are in quarantine from now on: rejected, and neither changed nor gone since."""

    type_url: TypeUrl
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """Everything of this snapshot that the client asked for has been sent, and answered or given up waiting for."""

    snapshot: Snapshot


Effect = Send | Acked | Nacked | Quarantined | Subscribed | Current | Settled
