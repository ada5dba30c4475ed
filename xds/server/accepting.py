"""Connections as they come in, without those that nobody waits for any more."""

from __future__ import annotations

import asyncio
import socket
from typing import Final

_ESTABLISHED: Final = b"\x01"
"""The state (RFC 9293, section 3.3.2), which is first in Linux's ``tcp_info``."""


async def accepted(listener: socket.socket) -> tuple[socket.socket, tuple[str, int]]:
    """The next connection that somebody still waits for. Nothing is awaited once there is one, so that it cannot get
    lost. Raises OSError."""
    while True:
        try:
            client, address = listener.accept()
        except BlockingIOError:
            await _readable(listener)
            continue
        if _is_awaited(client):
            client.setblocking(False)
            return client, address
        client.close()


def _is_awaited(client: socket.socket) -> bool:
    """Whether its other end is open. In a storm many have given up before it is their turn, and come again."""
    return client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) == _ESTABLISHED


async def _readable(listener: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    arrived = asyncio.Event()
    loop.add_reader(listener, arrived.set)
    try:
        await arrived.wait()
    finally:
        loop.remove_reader(listener)
