"""Addresses that the demo needs for itself: are they free?"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass

from xds.app.demo.errors import DemoError


@dataclass(frozen=True, slots=True)
class Listening:
    """A TCP address on which a process is going to listen. role: of the process, for messages."""

    role: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def taken(addresses: Iterable[Listening]) -> tuple[Listening, ...]:
    """Those that something listens on already.

    Asked by binding: Envoy shares its ports (SO_REUSEPORT), so two Envoys of one user would get each other's requests
    instead of an error.
    """
    return tuple(address for address in addresses if not _free(address))


def require_free(addresses: Iterable[Listening]) -> None:
    """Raises DemoError that names each taken address and who wants it."""
    conflicts = taken(addresses)
    if conflicts:
        lines = (f"  {address} is in use; {address.role} needs it" for address in conflicts)
        raise DemoError("\n".join(("Is another demo running on this machine?", *lines)))


def _free(address: Listening) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
            probe.listen()
        except OSError:
            return False
    return True
