"""Connections that were given up while they waited are not handed out."""

from __future__ import annotations

import asyncio
import socket
import struct

import pytest

from xds.server.accepting import accepted


@pytest.fixture
def listener() -> socket.socket:
    made = socket.create_server(("127.0.0.1", 0))
    made.setblocking(False)
    return made


def connect(listener: socket.socket) -> socket.socket:
    return socket.create_connection(listener.getsockname())


def reset(client: socket.socket) -> None:
    """Ends a connection without a goodbye."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


async def test_who_has_hung_up_is_passed_over(listener: socket.socket) -> None:
    with listener, connect(listener) as closed, connect(listener) as gone, connect(listener) as here:
        closed.sendall(b"a greeting")
        closed.close()
        reset(gone)
        client, address = await accepted(listener)
        with client:
            assert address == here.getsockname()
            assert not client.getblocking()


async def test_one_that_comes_later_is_waited_for(listener: socket.socket) -> None:
    with listener:
        waiting = asyncio.create_task(accepted(listener))
        await asyncio.sleep(0)
        with connect(listener) as here:
            client, address = await waiting
            with client:
                assert address == here.getsockname()
