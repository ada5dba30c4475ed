"""How calls end that cannot go on."""

from __future__ import annotations

from typing import NoReturn

import pytest
from grpc import aio  # type: ignore[import-untyped]  # grpcio ships no types
from structlog.testing import capture_logs

from xds.protocol import RemoteProtocolError
from xds.server.guard import guarded
from xds.server.reports import Once, Reports


class Call:
    """A call that notes how it was ended."""

    def __init__(self) -> None:
        self.ended: list[tuple[str, str]] = []

    def peer(self) -> str:
        return "ipv4:127.0.0.1:1"

    def invocation_metadata(self) -> list[tuple[str, str | bytes]]:
        return []

    async def read(self) -> object:
        return aio.EOF

    async def write(self, message: bytes) -> None:
        raise NotImplementedError

    async def abort(self, code: object, details: str) -> NoReturn:
        self.ended.append((str(code), details))
        raise aio.AbortError


@pytest.mark.parametrize(
    ("error", "code"),
    [(RemoteProtocolError("no such thing"), "StatusCode.INVALID_ARGUMENT"), (KeyError("x"), "StatusCode.INTERNAL")],
)
async def test_what_a_call_raises_ends_it(error: Exception, code: str) -> None:
    call = Call()
    with pytest.raises(aio.AbortError):
        async with guarded(call, "Method", Reports(Once(lambda: 0.0), lambda _: None)):
            raise error
    assert [ended[0] for ended in call.ended] == [code]


async def test_a_call_that_was_ended_is_not_ended_again() -> None:
    call = Call()
    with capture_logs() as logs, pytest.raises(aio.AbortError):
        async with guarded(call, "Method", Reports(Once(lambda: 0.0), lambda _: None)):
            await call.abort("PERMISSION_DENIED", "because")
    assert call.ended == [("PERMISSION_DENIED", "because")]
    assert logs == []
