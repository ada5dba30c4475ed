"""Calls over the agent's sockets: what is known of one, how it ends, and listening for them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, NoReturn, Protocol

import grpc  # type: ignore[import-untyped]  # grpcio ships no types
import structlog
from grpc import aio

from xds.agent.errors import AgentError
from xds.protocol import RemoteProtocolError

Handlers = Mapping[str, Any]
"""gRPC's handlers, which have no type, by method."""

MAX_PATH: Final = 107
"""Bytes of the path of a Unix socket (Linux)."""

_OWNER_ALONE: Final = 0o600
_ALL_BUT_OWNER: Final = 0o177

_log = structlog.get_logger("xds.agent")


class Call(Protocol):
    """``grpc.aio.ServicerContext``, as far as it is used here."""

    async def read(self) -> object: ...

    async def write(self, message: bytes) -> None: ...

    def invocation_metadata(self) -> Iterable[tuple[str, str | bytes]]: ...

    async def abort(self, code: object, details: str) -> NoReturn: ...


@asynccontextmanager
async def guarded(call: Call) -> AsyncIterator[None]:
    """Ends the call if the block raises: with what is wrong with it, or as a defect of ours, which is logged."""
    try:
        yield
    except aio.AbortError:
        raise  # it has been ended with a status of its own
    except RemoteProtocolError as error:
        await call.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
    except aio.InternalError:
        return  # the client went away while it was written to
    except Exception as error:  # noqa: BLE001 - a defect that one client brings out: logged whole, for that call only
        _log.error("a call ended with a failure", exc_info=error)
        await call.abort(grpc.StatusCode.INTERNAL, "the agent failed; its log says how")


@asynccontextmanager
async def listening(path: Path, service: str, handlers: Handlers, owner: int | None) -> AsyncIterator[None]:
    """Serves on a Unix socket for its owner alone. owner: a user's number; None: the agent's. Raises AgentError."""
    if len(os.fsencode(path)) > MAX_PATH:
        raise AgentError(f"the path of the socket {path} is longer than {MAX_PATH} bytes: choose a shorter one")
    server = aio.server()
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, handlers)])
    try:
        _bind(server, path, owner)
    except (RuntimeError, OSError) as error:
        await server.stop(None)
        raise AgentError(f"cannot listen on {path}: {error}") from error
    await server.start()
    try:
        yield
    finally:
        await server.stop(None)
        _remove(path)


def _bind(server: aio.Server, path: Path, owner: int | None) -> None:
    before = os.umask(_ALL_BUT_OWNER)  # so that nobody else can connect before its mode is set
    try:
        server.add_insecure_port(f"unix:{path}")
        path.chmod(_OWNER_ALONE)
        if owner is not None:
            os.chown(path, owner, -1)
    finally:
        os.umask(before)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
