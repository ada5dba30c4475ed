"""A control plane with an authority, in the test's own process, and agents of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from xds.agent.identity import IdentityAgent, IdentityOptions, Svid, TokenFile
from xds.agent.identity.renewal import Chance, utc_now
from xds.app.bundles import AuthorityBundles
from xds.app.oidc import OidcIssuers
from xds.app.security import open_authority, security_of
from xds.ca.service import CertificateAuthority
from xds.model.identity import SpiffeId
from xds.resources import Snapshot
from xds.server import BroadcastSource, XdsServer

TRUST_DOMAIN = "cluster.local"
REVIEWS = SpiffeId.of_workload(TRUST_DOMAIN, "default", "reviews")
HOUR = timedelta(hours=1)


@dataclass
class Time:
    """A clock that tests move."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.now


@dataclass
class ControlPlane:
    """authority: of ``folder / "ca"``. port: where it listens for TLS."""

    folder: Path
    authority: CertificateAuthority
    bundles: AuthorityBundles
    port: int = 0
    _server: XdsServer | None = None

    async def start(self) -> None:
        issuers = OidcIssuers((), lambda: 0.0)
        security = security_of(self.authority, issuers, self.bundles, "istio-system", "127.0.0.1")
        self._server = XdsServer(BroadcastSource(Snapshot({})), security=security)
        await self._server.start("127.0.0.1:0")
        self.port = self._server.start_secure("127.0.0.1", self.port)

    def rotate(self, step: str, *arguments: str) -> None:
        """A step of a rotation, which the server takes in."""
        getattr(self.authority, step)(*arguments)
        self.bundles.changed()

    async def stop(self, grace: float = 0) -> None:
        if self._server is not None:
            await self._server.stop(grace)
            self._server = None

    def token_file(self, identity: SpiffeId = REVIEWS, name: str = "token") -> TokenFile:
        """A file with a new join token."""
        path = self.folder / name
        path.write_text(self.authority.join_tokens.create(identity, HOUR, datetime.now(UTC)) + "\n")
        return TokenFile(path, single_use=True)

    def options(self, token: TokenFile | None, sds_socket: Path | None = None) -> IdentityOptions:
        return IdentityOptions(
            server=f"127.0.0.1:{self.port}",
            root_cert=self.folder / "ca" / "root-cert.pem",
            namespace=REVIEWS.namespace,
            service_account=REVIEWS.service_account,
            folder=self.folder / "agent",
            token=token,
            sds_socket=sds_socket,
        )


@asynccontextmanager
async def control_plane(folder: Path) -> AsyncIterator[ControlPlane]:
    authority = open_authority(folder / "ca", TRUST_DOMAIN)
    made = ControlPlane(folder, authority, AuthorityBundles(authority))
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


@asynccontextmanager
async def running(
    options: IdentityOptions, clock: Callable[[], datetime] = utc_now, fraction: Callable[[], float] = random.random
) -> AsyncIterator[IdentityAgent]:
    """An agent that runs. clock: of its own. fraction: what is left to chance, see `Chance`."""
    agent = IdentityAgent(options, Chance(clock, fraction))
    task = asyncio.create_task(agent.run())
    try:
        yield agent
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what is waited for is other code's
            await asyncio.sleep(0.02)


async def informed(agent: IdentityAgent) -> Svid:
    """Waits until an agent has a certificate, and has heard of the bundles."""
    async with asyncio.timeout(30):
        await agent.ready()
    await until(lambda: agent.identity.state.bundle and agent.identity.state.bundle.jwks)
    assert agent.identity.svid is not None
    return agent.identity.svid
