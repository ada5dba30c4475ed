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
_IPV4, _IPV6 = b"\x08\x00", b"\x86\xdd"
_TCP = 6
_IPV6_HEADER = 40


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
        """One frame of Ethernet; what is no TCP is passed over."""
        kind, packet = frame[12:_ETHERNET], frame[_ETHERNET:]
        if kind == _IPV4 and packet[9] == _TCP:
            segment = packet[(packet[0] & 15) * 4 : int.from_bytes(packet[2:4])]
            self._take_in(socket.AF_INET, packet[12:16], packet[16:20], segment)
        elif kind == _IPV6 and packet[6] == _TCP:
            segment = packet[_IPV6_HEADER : _IPV6_HEADER + int.from_bytes(packet[4:6])]
            self._take_in(socket.AF_INET6, packet[8:24], packet[24:40], segment)

    def _take_in(self, family: socket.AddressFamily, source: bytes, destination: bytes, segment: bytes) -> None:
        payload = segment[(segment[12] >> 4) * 4 :]
        if payload:
            ports = int.from_bytes(segment[0:2]), int.from_bytes(segment[2:4])
            addresses = socket.inet_ntop(family, source), socket.inet_ntop(family, destination)
            self.packets.setdefault(Flow(addresses[0], ports[0], addresses[1], ports[1]), []).append(payload)


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
