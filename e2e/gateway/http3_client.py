"""A client that speaks HTTP/3."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, H3Event, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import ConnectionTerminated, QuicEvent

from e2e.gateway.tls_client import Reply

_SECONDS = 15.0


async def get_by_http3(address: str, port: int, name: str, path: str, trusted: str) -> Reply:
    """The reply to one request. trusted: whose certificates are good, in PEM. Raises ConnectionError if there is no
    connection."""
    configuration = QuicConfiguration(alpn_protocols=H3_ALPN, server_name=name, idle_timeout=_SECONDS)
    configuration.load_verify_locations(cadata=trusted.encode())
    async with connect(address, port, configuration=configuration, create_protocol=_Protocol) as protocol:
        assert isinstance(protocol, _Protocol)
        return await protocol.get(name, path)


class _Protocol(QuicConnectionProtocol):
    def __init__(self, quic: QuicConnection, *arguments: object, **named: object) -> None:
        super().__init__(quic, *arguments, **named)  # type: ignore[arg-type]  # whatever the library passes
        self._http = H3Connection(quic)
        self._headers: Mapping[str, str] = {}
        self._body = b""
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def get(self, name: str, path: str) -> Reply:
        """One request."""
        stream = self._quic.get_next_available_stream_id()
        head = {":method": "GET", ":scheme": "https", ":authority": name, ":path": path}
        self._http.send_headers(
            stream, [(key.encode(), value.encode()) for key, value in head.items()], end_stream=True
        )
        self.transmit()
        await asyncio.wait_for(self._ended, _SECONDS)
        return Reply(int(self._headers[":status"]), self._headers, self._body.decode())

    def quic_event_received(self, event: QuicEvent) -> None:
        """What the library tells."""
        if isinstance(event, ConnectionTerminated) and not self._ended.done():
            self._ended.set_exception(ConnectionError(event.reason_phrase))
        for each in self._http.handle_event(event):
            self._take(each)

    def _take(self, event: H3Event) -> None:
        if isinstance(event, HeadersReceived):
            self._headers = {key.decode(): value.decode() for key, value in event.headers}
        elif isinstance(event, DataReceived):
            self._body += event.data
        if isinstance(event, HeadersReceived | DataReceived) and event.stream_ended and not self._ended.done():
            self._ended.set_result(None)
