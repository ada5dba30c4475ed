"""A caller of one request on one connection: who it is, where it comes from, and what it says."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

CUT_OFF: Final = 0
"""Instead of a status: the connection ended without an answer."""

_FROM: Final = "127.0.0.1"
_SECONDS = 10.0


@dataclass(frozen=True)
class Ask:
    """What is asked, and by whom.

    certificate: of the caller, as a file with its key; None for plain text. source: the address that it comes from.
    protocol: what it says in the handshake that it speaks (ALPN). dialled: the address and port that it meant to reach,
    which it tells by the PROXY protocol, as redirection would.
    """

    path: str = "/"
    method: str = "GET"
    host: str = "server"
    headers: Mapping[str, str] = field(default_factory=dict)
    certificate: Path | None = None
    source: str = ""
    server_name: str = ""
    protocol: str = "istio-http/1.1"
    dialled: tuple[str, int] | None = None


async def status_of(ask: Ask, address: str, port: int) -> int:
    """The status of the answer, or `CUT_OFF`."""
    local = (ask.source, 0) if ask.source else None
    try:
        async with asyncio.timeout(_SECONDS):
            reader, writer = await asyncio.open_connection(address, port, local_addr=local)
            try:
                writer.write(_preface(ask))
                if ask.certificate:
                    await writer.start_tls(_context(ask, ask.certificate), server_hostname=ask.server_name)
                writer.write(_request(ask))
                line = await reader.readline()
            finally:
                writer.close()
    except (OSError, ssl.SSLError):
        return CUT_OFF
    return int(line.split()[1]) if line else CUT_OFF


def _request(ask: Ask) -> bytes:
    headers = {"Host": ask.host, "Connection": "close", "Content-Length": "0", **ask.headers}
    lines = [f"{ask.method} {ask.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode()


def _preface(ask: Ask) -> bytes:
    if ask.dialled is None:
        return b""
    address, port = ask.dialled
    return f"PROXY TCP4 {ask.source or _FROM} {address} 50000 {port}\r\n".encode()


def _context(ask: Ask, certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it is the other end that is tested
    context.set_alpn_protocols([ask.protocol])
    context.load_cert_chain(certificate)
    return context
