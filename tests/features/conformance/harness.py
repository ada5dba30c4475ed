"""What the scenarios share: the resources that are served, and clients that accept everything that they receive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tests.features.client import SOON, DeltaStream, Fixture, SotwStream, node, resource
from xds.protocol import Variant
from xds.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, TypeUrl
from xds.server.services import METHODS
from xds.wire.discovery_pb2 import DeltaDiscoveryResponse, DiscoveryResponse

TYPES = {"CDS": CLUSTER, "LDS": LISTENER, "RDS": ROUTE, "EDS": ENDPOINT}
WILDCARD_TYPES = ("CDS", "LDS")

AGGREGATED = "ads"
SEPARATE = "separate"
TRANSPORTS = (AGGREGATED, SEPARATE)


def method(variant: Variant, transport: str, url: TypeUrl) -> str:
    """The gRPC method that serves this type, aggregated or on its own."""
    only = None if transport == AGGREGATED else url
    (found,) = (each for each in METHODS if each.variant is variant and each.only == only)
    return f"/{found.service}/{found.name}"


class World:
    """What the server has: by type, the version of every resource. A resource's content is its name and version."""

    def __init__(self, xds: Fixture) -> None:
        self._xds = xds
        self._versions: dict[TypeUrl, dict[str, str]] = {}

    def has(self, url: TypeUrl, **versions: str) -> None:
        """Adds or changes resources."""
        self._versions.setdefault(url, {}).update(versions)
        self._publish()

    def lacks(self, url: TypeUrl, name: str) -> None:
        """Removes a resource."""
        del self._versions[url][name]
        self._publish()

    async def subscribed(self, url: TypeUrl, names: int) -> None:
        """Returns when the server knows of exactly so many names in the only stream's subscription to a type."""
        async with asyncio.timeout(SOON):
            while True:
                if self._xds.board.streams[0].types[url].names == names:
                    return
                await asyncio.sleep(0.001)

    def _publish(self) -> None:
        self._xds.publish(
            *(
                resource(url, name, f"{name}@{version}")
                for url, versions in self._versions.items()
                for name, version in versions.items()
            )
        )


class Nonces:
    """Every response on a stream has a nonce of its own."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def check(self, nonce: str) -> None:
        assert nonce
        assert nonce not in self._seen
        self._seen.add(nonce)


class SotwClient:
    """Subscribes with state of the world, to one type or more."""

    def __init__(self, stream: SotwStream) -> None:
        self.stream = stream
        self._names: dict[TypeUrl, tuple[str, ...]] = {}
        self._last: dict[TypeUrl, DiscoveryResponse] = {}
        self._nonces = Nonces()

    async def subscribe(self, url: TypeUrl, *names: str) -> None:
        """Asks for these names from now on, or for everything if none was ever given."""
        self._names[url] = names
        await self.stream.request(url, *names, answers=self._last.get(url), who=node())

    async def received(self, url: TypeUrl) -> dict[str, str]:
        """The next response, which must be of this type, accepted: the version of each resource in it."""
        response = await self.stream.receive()
        assert response.type_url == url
        assert response.version_info
        self._nonces.check(response.nonce)
        self._last[url] = response
        await self.stream.request(url, *self._names[url], answers=response)
        return dict(_read(each.value) for each in response.resources)


class DeltaClient:
    """Subscribes to one type with delta."""

    def __init__(self, stream: DeltaStream) -> None:
        self.stream = stream
        self._nonces = Nonces()

    async def subscribe(self, url: TypeUrl, *names: str) -> None:
        """Asks for these names too; for everything if there is none in the first request."""
        await self.stream.request(url, names, who=node())

    async def unsubscribe(self, url: TypeUrl, *names: str) -> None:
        await self.stream.request(url, unsubscribe=names)

    async def received(self, url: TypeUrl) -> tuple[dict[str, str], list[str]]:
        """The next response, which must be of this type, accepted: versions of resources, and what was removed."""
        response = await self.stream.receive()
        assert response.type_url == url
        self._nonces.check(response.nonce)
        await self.stream.request(url, answers=response)
        return _versions(response), list(response.removed_resources)


def _versions(response: DeltaDiscoveryResponse) -> dict[str, str]:
    versions = dict(_read(each.resource.value) for each in response.resources)
    assert list(versions) == [each.name for each in response.resources]
    return versions


def _read(content: bytes) -> tuple[str, str]:
    name, _, version = content.decode().partition("@")
    return name, version


@asynccontextmanager
async def sotw_client(xds: Fixture, transport: str, url: TypeUrl) -> AsyncIterator[SotwClient]:
    """A client on a stream of its own; when a scenario is over, it must not receive anything more."""
    async with xds.sotw(method(Variant.SOTW, transport, url)) as stream:
        yield SotwClient(stream)
        await stream.assert_quiet()


@asynccontextmanager
async def delta_client(xds: Fixture, transport: str, url: TypeUrl) -> AsyncIterator[DeltaClient]:
    """A client on a stream of its own; when a scenario is over, it must not receive anything more."""
    async with xds.delta(method(Variant.DELTA, transport, url)) as stream:
        yield DeltaClient(stream)
        await stream.assert_quiet()


def identifier(variant: str, transport: str, kinds: str, scenario: Callable[..., object]) -> str:
    """``sotw-ads-CDS-wildcard-update``."""
    return f"{variant}-{transport}-{kinds}-{scenario.__name__.replace('_', '-')}"
