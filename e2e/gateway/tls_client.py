"""A client that says in the handshake what a test wants, and tells what it got."""

from __future__ import annotations

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_SECONDS = 15.0
REFUSALS = (ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)
"""How a proxy shows that it does not want a connection: while it is made, or, with TLS 1.3, when it is used."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and how. trusted: whose certificates are good, in PEM. certificate: a file with the caller's own and
    its key. versions: of TLS, the least and the most. ciphers: of TLS 1.2, as OpenSSL writes them. names: whether the
    server's certificate has to have the name that is asked for."""

    trusted: str
    certificate: Path | None = None
    alpn: tuple[str, ...] = ()
    versions: tuple[ssl.TLSVersion, ssl.TLSVersion] = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
    ciphers: str = ""
    names: bool = True

    def context(self) -> ssl.SSLContext:
        """For one connection."""
        context = ssl.create_default_context(cadata=self.trusted)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of old versions, which a test wants to see refused
            context.minimum_version, context.maximum_version = self.versions
        context.check_hostname = self.names
        if self.certificate is not None:
            context.load_cert_chain(self.certificate)
        if self.alpn:
            context.set_alpn_protocols(list(self.alpn))
        if self.ciphers:
            context.set_ciphers(self.ciphers)
        return context


@dataclass(frozen=True, slots=True)
class Reply:
    """Of an HTTP request. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """An open connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def tls(self) -> ssl.SSLObject:
        """What the handshake came to."""
        found = self.writer.get_extra_info("ssl_object")
        assert isinstance(found, ssl.SSLObject)
        return found

    @property
    def certificate(self) -> str:
        """The common name in the server's certificate."""
        shown = self.tls.getpeercert() or {}
        names = dict(pair for part in shown.get("subject", ()) for pair in part)  # type: ignore[misc]  # as ssl has it
        return str(names["commonName"])

    async def get(self, host: str, path: str = "/", headers: Mapping[str, str] | None = None) -> Reply:
        """An HTTP/1.1 request, which leaves the connection open."""
        lines = (
            f"GET {path} HTTP/1.1",
            f"host: {host}",
            *(f"{name}: {value}" for name, value in (headers or {}).items()),
        )
        self.writer.write("\r\n".join((*lines, "", "")).encode())
        head = (await _in_time(self.reader.readuntil(b"\r\n\r\n"))).decode().split("\r\n")
        found = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await _in_time(self.reader.readexactly(int(found.get("content-length", "0"))))
        return Reply(int(head[0].split()[1]), found, body.decode())

    async def ask(self, line: str) -> str:
        """A line to a server of lines, and its answer."""
        self.writer.write(f"{line}\n".encode())
        return (await _in_time(self.reader.readuntil(b"\n"))).decode().strip()


async def _in_time(reading: Coroutine[object, object, bytes]) -> bytes:
    return await asyncio.wait_for(reading, _SECONDS)


@asynccontextmanager
async def dialled(address: str, port: int, name: str = "", caller: Caller | None = None) -> AsyncIterator[Conversation]:
    """A connection as long as the context is open. caller: None for one without TLS. Raises one of `REFUSALS`."""
    tls = {"ssl": caller.context(), "server_hostname": name} if caller is not None else {}
    opening = asyncio.open_connection(address, port, **tls)  # type: ignore[arg-type]  # these are its arguments
    reader, writer = await asyncio.wait_for(opening, _SECONDS)
    try:
        yield Conversation(reader, writer)
    finally:
        writer.close()
        with suppress(*REFUSALS, TimeoutError):
            await asyncio.wait_for(writer.wait_closed(), _SECONDS)
