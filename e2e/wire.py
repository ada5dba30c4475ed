"""Reads what passes over the bridge between the namespaces, as somebody on the network would."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from e2e.capture.namespaces import Namespace

_EVERY_PROTOCOL = 3
"""ETH_P_ALL"""
_ETHERNET = 14
_IPV4, _TCP = b"\x08\x00", 6


class Flow(NamedTuple):
    """One direction of a TCP connection."""

    source: str
    source_port: int
    destination: str
    destination_port: int

    @property
    def back(self) -> Flow:
        """The other direction."""
        return Flow(self.destination, self.destination_port, self.source, self.source_port)


@dataclass
class Wire:
    """What has been seen: by flow, the first bytes of each packet that had any, in order."""

    packets: dict[Flow, list[bytes]] = field(default_factory=dict)

    def of_port(self, port: int) -> list[list[bytes]]:
        """The flows to and from a port."""
        return [found for flow, found in self.packets.items() if port in (flow.source_port, flow.destination_port)]

    def take_in(self, frame: bytes) -> None:
        """One frame of Ethernet; what is no TCP over IPv4 is passed over."""
        packet = frame[_ETHERNET:]
        if frame[12:14] != _IPV4 or packet[9] != _TCP:
            return
        header = (packet[0] & 15) * 4
        segment = packet[header : int.from_bytes(packet[2:4])]
        payload = segment[(segment[12] >> 4) * 4 :]
        if payload:
            ports = int.from_bytes(segment[0:2]), int.from_bytes(segment[2:4])
            source, destination = socket.inet_ntoa(packet[12:16]), socket.inet_ntoa(packet[16:20])
            self.packets.setdefault(Flow(source, ports[0], destination, ports[1]), []).append(payload)


@asynccontextmanager
async def tapped(hub: Namespace) -> AsyncIterator[Wire]:
    """All that passes while the context is open."""
    wire = Wire()
    with hub.open_raw_socket(_EVERY_PROTOCOL) as sock:
        sock.setblocking(False)
        reading = asyncio.create_task(_read(sock, wire))
        try:
            yield wire
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


async def _read(sock: socket.socket, wire: Wire) -> None:
    loop = asyncio.get_running_loop()
    while True:
        wire.take_in(await loop.sock_recv(sock, 65536))
