"""Servers behind a gateway that say who they are, line by line: with TLS of their own, or without."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests.certificates import Issued


@asynccontextmanager
async def line_server(name: str, address: str, port: int, tls: ssl.SSLContext | None = None) -> AsyncIterator[None]:
    """Answers every line with its name and the line."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while line := await reader.readline():
                writer.write(f"{name}: ".encode() + line)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(converse, address, port, ssl=tls)
    try:
        yield
    finally:
        server.close()


def server_context(issued: Issued, folder: Path, *alpn: str) -> ssl.SSLContext:
    """TLS with this certificate. folder: where it is written for the moment that it takes."""
    path = pem_file(issued, folder / "backend.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    path.unlink()
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def pem_file(issued: Issued, path: Path) -> Path:
    """The certificate and its key in a file of their owner's."""
    path.touch(mode=0o600)
    path.write_text(issued.chain + issued.key_pem)
    return path
