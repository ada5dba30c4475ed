"""A server outside of the mesh, which speaks plain HTTP on one port and TLS on another."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from e2e.policy.instance import Instance, running

CERTIFICATES = Path(__file__).parents[1] / "policy" / "certificates"
HTTP_PORT, TLS_PORT = 9080, 9443


@dataclass(frozen=True)
class Outside:
    """names: the server names that clients asked for."""

    address: str
    names: set[str | None]
    encrypted: Instance

    @property
    def connections(self) -> int:
        """How many TLS connections came about."""
        return self.encrypted.connections


@asynccontextmanager
async def outside(address: str, *, mutual: bool = False) -> AsyncIterator[Outside]:
    """A server that is there while the context is open. mutual: clients have to show a certificate."""
    names: set[str | None] = set()

    def asked(_socket: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        names.add(name)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "server.pem", CERTIFICATES / "server.key")
    context.sni_callback = asked
    if mutual:
        context.load_verify_locations(CERTIFICATES / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
    async with (
        running("plain", address, HTTP_PORT),
        running("outside", address, TLS_PORT, context) as encrypted,
    ):
        yield Outside(address, names, encrypted)
