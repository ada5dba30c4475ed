"""The identity half of an agent, whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import structlog
from grpc import aio  # type: ignore[import-untyped]  # grpcio ships no types

from xds.agent.identity import sds, workload_api
from xds.agent.identity.attempt import AttemptError
from xds.agent.identity.calls import listening
from xds.agent.identity.folder import StateFolder
from xds.agent.identity.holder import Identity
from xds.agent.identity.jwt_svids import JwtSvids
from xds.agent.identity.renewal import Chance, Renewal
from xds.agent.identity.request import Workload, check_identity
from xds.agent.identity.sds import SecretDiscovery
from xds.agent.identity.signing import Server
from xds.agent.identity.svid import State
from xds.agent.identity.timing import is_valid
from xds.agent.identity.tokens import TokenFile
from xds.agent.identity.upstream import Upstream
from xds.agent.identity.workload_api import WorkloadApi

_log = structlog.get_logger("xds.agent")


@dataclass(frozen=True, slots=True)
class IdentityOptions:
    """server: the control plane's secure address, ``HOST:PORT``. root_cert: a file with what its certificate is checked
    against. token: by which the workload proves who it is; None if there is a certificate in the folder already.
    folder: where key and certificate are kept, for this agent alone. sds_socket, workload_socket: where Envoy and the
    application ask; empty: in the folder. socket_owner: the user (number) that may connect; None: the agent's own.
    """

    server: str
    root_cert: Path
    namespace: str
    service_account: str
    folder: Path
    token: TokenFile | None = None
    sds_socket: Path | None = None
    workload_socket: Path | None = None
    socket_owner: int | None = None

    @property
    def sds_path(self) -> Path:
        """Where Envoy asks."""
        return self.sds_socket or self.folder / "sds.sock"

    @property
    def workload_path(self) -> Path:
        """Where the application asks (``SPIFFE_ENDPOINT_SOCKET``)."""
        return self.workload_socket or self.folder / "workload.sock"


class IdentityAgent:
    """Gets, keeps and gives out the workload's identity.

    agent = IdentityAgent(options)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(agent.run())
        await agent.ready()      # an SVID is there, and the sockets are
        ...                      # start Envoy; look at agent.identity.svid
        running.cancel()
    """

    def __init__(self, options: IdentityOptions, chance: Chance | None = None) -> None:
        self.identity = Identity()
        self._options = options
        self._chance = chance or Chance()
        self._workload = Workload(options.namespace, options.service_account)
        self._folder = StateFolder(options.folder)
        server = Server(options.server, options.root_cert)
        self._renewal = Renewal(self.identity, server, self._workload, options.token, self._chance)
        self._upstream = Upstream(self.identity, server, self._renewal, self._chance)
        self._listening = asyncio.Event()

    @property
    def trouble(self) -> str:
        """Why the last attempt to get a certificate failed; empty if it did not."""
        return self._renewal.reason

    @property
    def obtained(self) -> int:
        """How many certificates there have been."""
        return self._renewal.obtained

    @property
    def failed(self) -> int:
        """How many attempts to get one were in vain."""
        return self._renewal.failed

    def connect(self) -> aio.Channel:
        """A connection to the control plane on which the workload proves who it is. Raises AttemptError."""
        if (svid := self.identity.svid) is None:
            raise AttemptError("there is no certificate", "a token has to prove who this is")
        return self._upstream.channel(svid)

    def look(self) -> None:
        """Looks at once whether the certificate is to be renewed, and does not go on waiting after a failure."""
        self._renewal.hurry()

    async def ready(self) -> None:
        """Returns once there is a certificate, and Envoy and the application can ask for it."""
        await self._listening.wait()
        await self.identity.available()

    async def run(self) -> None:
        """Until it is cancelled. Raises AgentError if the folder or a socket cannot be used."""
        self._folder.open()
        try:
            self._resume()
            async with self._sockets(), asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep())
                tasks.create_task(self._renewal.run())
                tasks.create_task(self._upstream.run())
                self._listening.set()
        finally:
            self._folder.close()

    @asynccontextmanager
    async def _sockets(self) -> AsyncIterator[None]:
        """Envoy and the application can ask."""
        options, clock = self._options, self._chance.clock
        secrets = SecretDiscovery(self.identity)
        api = WorkloadApi(self.identity, JwtSvids(self._upstream.token, clock), clock)
        async with (
            listening(options.sds_path, sds.SERVICE, secrets.handlers(), options.socket_owner),
            listening(options.workload_path, workload_api.SERVICE, api.handlers(), options.socket_owner),
        ):
            yield

    def _resume(self) -> None:
        """Goes on with what was saved, if it is of any use."""
        try:
            saved = self._folder.load()
            if saved is not None:
                self.identity.put(self._still_good(saved))
        except (ValueError, AttemptError) as error:
            _log.warning("what was saved is not used", reason=str(error))

    def _still_good(self, saved: State) -> State:
        """Raises AttemptError if it is somebody else's."""
        if saved.svid is None:
            return saved
        check_identity(saved.svid.identity, self._workload)
        if is_valid(saved.svid, self._chance.clock()):
            return saved
        ended = saved.svid.not_after.isoformat(timespec="seconds")
        _log.warning("the certificate that was saved is over", ended=ended, advice="a token has to prove who this is")
        return replace(saved, svid=None)

    async def _keep(self) -> None:
        """Saves whatever is new."""
        seen = self.identity.state
        while True:
            seen = await self.identity.changed(seen)
            self._save(seen)

    def _save(self, state: State) -> None:
        try:
            self._folder.save(state)
        except OSError as error:
            reason = f"{self._options.folder}: {error}"
            _log.error("the identity cannot be saved: an agent that starts again needs a new token", reason=reason)
