"""What is behind the proxies: HTTP with WebSockets, a gRPC conversation, and HTTPS that says whom it spoke with."""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc  # type: ignore[import-untyped]  # grpcio ships no types
from aiohttp import web

from e2e.capture.servers import http_server
from e2e.witness import ADDRESS
from tests.certificates import Authority, Issued

TALK = "/talker.Talker/Talk"


@asynccontextmanager
async def web_server(address: str, port: int) -> AsyncIterator[None]:
    """Echoes requests, and messages on WebSockets."""
    with socket.create_server((address, port)) as listening:
        async with http_server("web", listening):
            yield


@asynccontextmanager
async def talker(address: str, port: int) -> AsyncIterator[None]:
    """A gRPC server that answers each message of a stream with itself."""

    async def talk(messages: AsyncIterator[bytes], _context: object) -> AsyncIterator[bytes]:
        async for message in messages:
            yield message

    methods = {"Talk": grpc.stream_stream_rpc_method_handler(talk)}
    server = grpc.aio.server(handlers=[grpc.method_handlers_generic_handler("talker.Talker", methods)])
    server.add_insecure_port(f"{address}:{port}")
    await server.start()
    try:
        yield
    finally:
        await server.stop(None)


@asynccontextmanager
async def https_server(
    address: str, port: int, shown: Issued, folder: Path, clients: Authority | None = None
) -> AsyncIterator[None]:
    """Answers with the common name of the client's certificate. clients: who vouches for it; None: nobody need show
    one, and ``-`` is the answer. Every connection is for one request."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem_file(shown, folder))
    if clients is not None:
        context.load_verify_locations(cadata=clients.pem)
        context.verify_mode = ssl.CERT_REQUIRED

    async def answer(request: web.BaseRequest) -> web.Response:
        certificate = request.get_extra_info("peercert") or {}
        names = [value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"]
        return web.Response(text=names[0] if names else "-", headers={"connection": "close", ADDRESS: address})

    runner = web.ServerRunner(web.Server(answer), shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, address, port, ssl_context=context).start()
        yield
    finally:
        await runner.cleanup()


def pem_file(issued: Issued, folder: Path) -> Path:
    """A file with the certificate and its key, for programs that take nothing else; it goes with the test's folder."""
    path = folder / f"{issued.certificate.serial_number:x}.pem"
    path.touch(mode=0o600)
    path.write_text(issued.key_pem + issued.chain)
    return path
