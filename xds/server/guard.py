"""How a call ends that cannot go on: with a status that says why, and a line in the log."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import NoReturn, Protocol

import grpc  # type: ignore[import-untyped]  # grpcio ships no types
from grpc import aio

from xds.protocol import LimitExceededError, RemoteProtocolError
from xds.server.reports import Reports, shortened
from xds.server.session import Wire


class Call(Wire, Protocol):
    """``grpc.aio.ServicerContext``, as far as it is used here."""

    def peer(self) -> str: ...

    def invocation_metadata(self) -> Iterable[tuple[str, str | bytes]]: ...

    async def abort(self, code: object, details: str) -> NoReturn: ...


@asynccontextmanager
async def guarded(call: Call, method: str, reports: Reports) -> AsyncIterator[None]:
    """Ends the call if the block raises; a call whose client has gone just ends."""
    try:
        yield
    except RemoteProtocolError as error:
        reports.refused(call.peer(), method, str(error))
        excess = isinstance(error, LimitExceededError)
        code = grpc.StatusCode.RESOURCE_EXHAUSTED if excess else grpc.StatusCode.INVALID_ARGUMENT
        await call.abort(code, shortened(str(error)))
    except aio.AbortError:
        raise  # the call has been ended with a status of its own
    except aio.InternalError:
        return  # the client went away while it was written to
    except Exception as error:  # noqa: BLE001 - a defect that one client brings out: logged whole, for that call only
        reports.failed(call.peer(), method, error)
        await call.abort(grpc.StatusCode.INTERNAL, "the server failed; its log says how")
