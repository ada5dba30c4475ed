"""TLS in front of gRPC: a client may show a certificate, and need not.

gRPC for Python either demands a certificate of every client or never asks for one, and new workloads have none yet. So
TLS ends here, and each connection goes on to the gRPC server over loopback, from an address that is remembered with
what the client has shown. What comes to that server from any other address has shown nothing.

What is trusted and what is shown can change while connections are open: each handshake asks for the context of its
moment.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from xds.server.accepting import accepted
from xds.server.admission import Admission, Place
from xds.server.reports import Reports

Contexts = Callable[[], ssl.SSLContext]
"""Gives the context for a handshake that begins now."""

IsRevoked = Callable[[bytes], bool]
"""Whether a certificate (DER) that holds is not to be accepted any more."""

HANDSHAKE_SECONDS: Final = 10.0
MAX_HANDSHAKES: Final = 256
"""Handshakes that may be under way at once; others wait to be accepted."""

_AT_ONCE: Final = 16
_TURN_SECONDS: Final = 0.05
"""A handshake with somebody near takes a few milliseconds. Who is far, or silent, keeps others waiting for so long."""

_BUFFER_BYTES: Final = 32 << 10
"""What one read takes at most: two TLS records. What proxies say is shorter."""

_PAUSE_SECONDS: Final = 0.1
_CHUNK: Final = 64 << 10
_LOOPBACK: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a client has shown in its handshake, which has been verified. certificate: DER; empty if none. peer: the
    client's own address, as gRPC writes it."""

    certificate: bytes
    peer: str


class Peers:
    """By the address from which gRPC sees a connection come, what the client behind it has shown."""

    def __init__(self) -> None:
        self._shown: dict[str, Shown] = {}

    def shown(self, peer: str) -> Shown | None:
        """None for a connection that has not come through the front. peer: as gRPC writes it."""
        return self._shown.get(peer)

    @contextmanager
    def known(self, address: tuple[str, int], shown: Shown) -> Iterator[None]:
        """Remembers a connection for as long as it is open. address: from which it goes to the gRPC server."""
        peer = f"ipv4:{address[0]}:{address[1]}"
        self._shown[peer] = shown
        try:
            yield
        finally:
            del self._shown[peer]


class TlsFront:
    """Listens, and passes on what clients say inside TLS. Raises OSError if the address cannot be bound."""

    def __init__(
        self, host: str, port: int, contexts: Contexts, is_revoked: IsRevoked, peers: Peers, reports: Reports
    ) -> None:
        SSLProtocol.max_size = _BUFFER_BYTES  # asyncio keeps so much for each connection: 256 KiB unless it is told
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family, backlog=1024)
        self._listener.setblocking(False)
        self._contexts = contexts
        self._is_revoked = is_revoked
        self._peers = peers
        self._reports = reports
        self._handshakes = asyncio.Semaphore(MAX_HANDSHAKES)
        self._turns = Admission(_AT_ONCE, _TURN_SECONDS)
        self._connections: set[asyncio.Task[None]] = set()
        self._open: dict[asyncio.Task[None], Shown] = {}

    @property
    def port(self) -> int:
        """The port that it listens on."""
        port: int = self._listener.getsockname()[1]
        return port

    async def serve(self, upstream: int) -> None:
        """Accepts until cancelled. upstream: the port of the gRPC server on loopback."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                await self._handshakes.acquire()
                turn = await self._turns.enter()
                try:
                    client, address = await accepted(self._listener)
                except OSError as error:  # too many open files, say: others will be closed
                    self._handshakes.release()
                    turn.leave()
                    self._reports.no_handshake(_LOOPBACK, f"nothing can be accepted: {error}")
                    await asyncio.sleep(_PAUSE_SECONDS)
                    continue
                task = loop.create_task(self._connection(client, _written(address), upstream, turn))
                self._connections.add(task)
                task.add_done_callback(self._ended(client))
        finally:
            self._listener.close()
            await self._end()

    def end_revoked(self) -> None:
        """Ends the connections of clients whose certificates have been revoked since."""
        for task, shown in tuple(self._open.items()):
            if self._refuses(shown):
                task.cancel()

    def _refuses(self, shown: Shown) -> bool:
        is_refused = bool(shown.certificate) and self._is_revoked(shown.certificate)
        if is_refused:
            self._reports.no_handshake(shown.peer, "the client's certificate is revoked")
        return is_refused

    async def _end(self) -> None:
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _ended(self, client: socket.socket) -> Callable[[asyncio.Task[None]], None]:
        """What is done once a connection has ended, which may be before it begins: a task can be cancelled so early."""

        def end(task: asyncio.Task[None]) -> None:
            self._connections.discard(task)
            client.close()

        return end

    async def _connection(self, client: socket.socket, peer: str, upstream: int, turn: Place) -> None:
        try:
            reader, writer = await _handshake(client, self._contexts)
        except (OSError, ValueError) as error:  # of the network, or because there is no context to be had now
            self._reports.no_handshake(peer, str(error) or type(error).__name__)
            return
        finally:
            self._handshakes.release()
            turn.leave()
        shown = Shown(_certificate(writer), peer)
        try:
            if self._refuses(shown):
                writer.transport.abort()
                return
            await self._pass_on(reader, writer, shown, upstream)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
        except BaseException:
            writer.transport.abort()  # at the end of the server nobody waits for the client's goodbye
            raise

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, shown: Shown, upstream: int
    ) -> None:
        try:
            onward = _new_onward()
        except OSError as error:
            self._reports.no_handshake(shown.peer, f"the connection cannot go on: {error}")
            return
        with self._peers.known(onward.getsockname(), shown), suppress(OSError):
            try:
                await asyncio.get_running_loop().sock_connect(onward, (_LOOPBACK, upstream))
                back, forth = await asyncio.open_connection(sock=onward)
            except BaseException:
                onward.close()  # nobody has taken it over
                raise
            with self._counted(shown):
                try:
                    await _both(_copy(reader, forth), _copy(back, writer))
                finally:
                    forth.close()

    @contextmanager
    def _counted(self, shown: Shown) -> Iterator[None]:
        """Among those that are open, for as long as it is."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a connection is a task of its own")
        self._open[task] = shown
        try:
            yield
        finally:
            del self._open[task]


class _Announced(asyncio.StreamReaderProtocol):
    """Knows its connection as soon as there is one: who waits for it can be cancelled before being told."""

    connection: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a stream is a connection that can be written to")
        self.connection = transport
        super().connection_made(transport)


async def _handshake(client: socket.socket, contexts: Contexts) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Raises OSError, and what the contexts raise."""
    loop = asyncio.get_running_loop()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    reader = asyncio.StreamReader()
    protocol = _Announced(reader)
    try:
        transport, _ = await loop.connect_accepted_socket(
            lambda: protocol, client, ssl=contexts(), ssl_handshake_timeout=HANDSHAKE_SECONDS
        )
    except BaseException:
        if protocol.connection is not None:
            protocol.connection.abort()
        raise
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


def _new_onward() -> socket.socket:
    """A socket on loopback with an address of its own, which is known before gRPC sees it. Raises OSError."""
    onward = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    onward.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    onward.setblocking(False)
    onward.bind((_LOOPBACK, 0))
    return onward


async def _both(*directions: Coroutine[None, None, None]) -> None:
    """Until either direction ends: gRPC does not go on with half a connection."""
    tasks = [asyncio.create_task(direction) for direction in directions]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while chunk := await source.read(_CHUNK):
        target.write(chunk)
        await target.drain()


def _certificate(writer: asyncio.StreamWriter) -> bytes:
    tls: ssl.SSLObject = writer.get_extra_info("ssl_object")
    return tls.getpeercert(binary_form=True) or b""


def _written(address: tuple[str, int]) -> str:
    """As gRPC writes the address of a peer."""
    host, port, *_ = address
    return f"ipv6:%5B{host}%5D:{port}" if ":" in host else f"ipv4:{host}:{port}"
