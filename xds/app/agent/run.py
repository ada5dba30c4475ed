"""All parts of a running agent, wired together."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

import structlog
from google.protobuf.struct_pb2 import Struct

from xds.agent.envoy.admin import Admin
from xds.agent.envoy.process import Program
from xds.agent.envoy.supervisor import Drain, Supervisor
from xds.agent.errors import AgentError
from xds.agent.http.client import Target
from xds.agent.http.server import HttpServer
from xds.agent.identity import IdentityAgent, IdentityOptions
from xds.agent.memory import give_back
from xds.agent.status.exposition import of_application, of_envoy
from xds.agent.status.merge import Merged, Part
from xds.agent.status.own import Figures, exposition
from xds.agent.status.pages import pages
from xds.agent.workload.checks import look
from xds.agent.workload.registration import Registration
from xds.app.address import split_address
from xds.app.agent.options import AgentOptions
from xds.app.proxy_spec import DEFAULT_SERVICE_ACCOUNT
from xds.model.proxy import ProxyType
from xds.wire.core_pb2 import Node

_REMIND_SECONDS: Final = 30.0
_SETTLE_SECONDS: Final = (0.1, 3.0)

_ENDING: Final = (signal.SIGTERM, signal.SIGINT)
_FORWARDED: Final = (signal.SIGHUP, signal.SIGUSR1)
"""Of those Envoy knows SIGUSR1: it opens its log files anew. It ignores SIGHUP, and so do we."""

_log = structlog.get_logger("xds.agent")


class Agent:
    """One workload's."""

    def __init__(self, options: AgentOptions) -> None:
        self._options = options
        self._stop = asyncio.Event()
        self._identity = IdentityAgent(_identity_options(options))
        admin = Target(*split_address(options.admin))
        self._admin = Admin(admin)
        self._supervisor = Supervisor(
            Program(options.envoy, options.bootstrap, options.drain_seconds, options.envoy_args, options.user),
            self._admin,
            Drain(options.drain_seconds, inbound_only=options.spec.type is ProxyType.SIDECAR),
        )
        self._registration = self._new_registration() if options.spec.workload_group else None
        self._merged = Merged(_parts(options, admin), self._figures)
        self._status = HttpServer(pages(self._problem, self._merged, self._end))

    async def run(self) -> int:
        """Until a signal, or until Envoy is given up; gives the exit code. Raises AgentError."""
        await self._listen()
        try:
            with self._signals():
                return await self._run()
        except BaseExceptionGroup as group:
            raise _first_of(group) from None
        finally:
            await self._status.stop()

    async def _run(self) -> int:
        async with asyncio.TaskGroup() as tasks:
            beside = [tasks.create_task(self._identity.run())]
            try:
                await self._until_identity()
                if self._registration is not None:
                    beside.append(tasks.create_task(self._registration.run()))
                beside.append(tasks.create_task(self._give_back()))
                code = 0 if self._stop.is_set() else await self._supervisor.run()
            finally:
                for task in beside:
                    task.cancel()
        _log.info("the agent ends", exit_code=code)
        return code

    def _new_registration(self) -> Registration:
        spec, commands = self._options.spec, self._options.exec_probes
        metadata = Struct()
        metadata.update(spec.metadata)  # type: ignore[arg-type]  # values are those of JSON
        node = Node(id=spec.node_id, metadata=metadata)
        return Registration(self._identity.connect, node, spec.workload_group, partial(look, commands=commands))

    async def _give_back(self) -> None:
        """Memory that it took to start, and to renew, once that is over."""
        while True:
            seen = self._identity.identity.state
            for pause in _SETTLE_SECONDS:
                await asyncio.sleep(pause)
                give_back()
            await self._identity.identity.changed(seen)

    async def _listen(self) -> None:
        listen = self._options.status_listen
        try:
            port = await self._status.start(*split_address(listen))
        except OSError as error:
            raise AgentError(f"--status-listen {listen} cannot be listened on: {error.strerror or error}") from error
        spec = self._options.spec
        _log.info("the agent starts", workload=f"{spec.name}.{spec.namespace}", server=self._options.server, port=port)

    async def _until_identity(self) -> None:
        """Returns when there is one, or the end is asked for."""
        waits = [asyncio.ensure_future(self._identity.ready()), asyncio.ensure_future(self._stop.wait())]
        try:
            while not (await asyncio.wait(waits, timeout=_REMIND_SECONDS, return_when=asyncio.FIRST_COMPLETED))[0]:
                _log.warning("Envoy waits for an identity", reason=self._identity.trouble)
        finally:
            for wait in waits:
                wait.cancel()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in _ENDING:
            loop.add_signal_handler(number, self._end)
        for number in _FORWARDED:
            loop.add_signal_handler(number, self._supervisor.forward, number)
        try:
            yield
        finally:
            for number in (*_ENDING, *_FORWARDED):
                loop.remove_signal_handler(number)

    def _end(self) -> None:
        self._stop.set()
        if self._registration is not None:
            self._registration.end()
        self._supervisor.stop()

    async def _problem(self) -> str:
        """Why the workload is not ready. A control plane that is gone is no reason: Envoy goes on with what it has."""
        if self._identity.identity.svid is None:
            return f"no identity yet: {self._identity.trouble or 'it has been asked for'}"
        if self._stop.is_set():
            return "the agent ends"
        if not self._supervisor.running:
            return "Envoy does not run"
        return await self._admin.problem()

    def _figures(self) -> str:
        svid = self._identity.identity.svid
        return exposition(
            Figures(
                envoy_running=self._supervisor.running,
                envoy_restarts=self._supervisor.restarts,
                svid_expiry=svid.not_after.timestamp() if svid is not None else None,
                renewals=self._identity.obtained,
                renewal_failures=self._identity.failed,
                missing=self._merged.failures,
            )
        )


def _identity_options(options: AgentOptions) -> IdentityOptions:
    return IdentityOptions(
        server=options.server,
        root_cert=options.root_cert,
        namespace=options.spec.namespace,
        service_account=options.spec.service_account or DEFAULT_SERVICE_ACCOUNT,
        folder=options.state_dir,
        token=options.token,
        sds_socket=options.sds_socket,
        workload_socket=options.workload_socket,
        socket_owner=options.user[0] if options.user is not None else None,
    )


def _parts(options: AgentOptions, admin: Target) -> tuple[Part, ...]:
    envoy = Part("envoy", admin, "/stats/prometheus", of_envoy)
    if not options.prometheus_port:
        return (envoy,)
    application = Target("127.0.0.1", options.prometheus_port)
    return envoy, Part("application", application, options.prometheus_path, of_application)


def _first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What was raised first, out of all groups."""
    error = group.exceptions[0]
    return _first_of(error) if isinstance(error, BaseExceptionGroup) else error
