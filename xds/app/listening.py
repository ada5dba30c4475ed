"""Addresses that are listened on, and why one cannot be, in one line."""

from __future__ import annotations

import os
import socket

from starlette.applications import Starlette

from xds.app.address import split_address
from xds.app.errors import StartError
from xds.console import HttpServer


def http_server(listen: str, app: Starlette, *opened: HttpServer) -> HttpServer:
    """An application on an address. opened: what is closed again if it cannot be. Raises StartError."""
    try:
        return HttpServer(app, *split_address(listen))
    except (OSError, ValueError) as error:
        for server in opened:
            server.close()
        raise StartError(f"cannot listen on {listen}: {plain_reason(error)}") from error


def ensure_free(listen: str) -> None:
    """Raises OSError with a plain reason if the address cannot be bound: gRPC says it in several lines of its own."""
    host, port = split_address(listen)
    socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()


def plain_reason(error: Exception) -> str:
    """What the system says, without its numbers."""
    number = error.errno if isinstance(error, OSError) else None
    return os.strerror(number) if number else str(error)
