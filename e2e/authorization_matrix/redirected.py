"""The inbound listener of a sidecar that captures traffic, on the address of its workload and without redirection.

Where a connection was going before it was redirected, the client says in a PROXY header, in place of the kernel. Behind
it all is as it is in a captured workload: chains for ports whose protocol is declared, or is not, and for ports that no
service declares.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from xds.app.render import Document

ARRIVAL: Final = 15006
"""Where captured connections arrive."""

_LISTENER, _ORIGINAL = "virtualInbound", "envoy.filters.listener.original_dst"
_PROXY_PROTOCOL: Final[Document] = {
    "name": "envoy.filters.listener.proxy_protocol",
    "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol"},
}


def inbound_listener(listeners: list[Document], address: str) -> Document:
    """The inbound one of the listeners of a sidecar, on this address."""
    (listener,) = (each for each in listeners if each["name"] == _LISTENER)
    first, *others = _list(listener["listener_filters"])
    assert first["name"] == _ORIGINAL, "redirection is what is looked at first"
    where: Document = {"socket_address": {"address": address, "port_value": ARRIVAL}}
    return {**listener, "name": address, "address": where, "listener_filters": [_PROXY_PROTOCOL, *others]}


def reachable_clusters(clusters: list[Document], workload: int) -> Iterator[Document]:
    """Those that an inbound listener needs. workload: the port of 127.0.0.1 that stands for all ports of all."""
    socket: Document = {"socket_address": {"address": "127.0.0.1", "port_value": workload}}
    for cluster in clusters:
        name = str(cluster["name"])
        if name.startswith("inbound|") or name == "InboundPassthroughCluster":
            endpoints: Document = {"lb_endpoints": [{"endpoint": {"address": socket}}]}
            yield {"name": name, "load_assignment": {"cluster_name": name, "endpoints": [endpoints]}}
        elif name.startswith("outbound|") or name == "BlackHoleCluster":
            yield cluster


def proxy_header(source: str, source_port: int, address: str, port: int) -> bytes:
    """What says where a connection comes from and was going."""
    return f"PROXY TCP4 {source} {address} {source_port} {port}\r\n".encode()


@asynccontextmanager
async def workload() -> AsyncIterator[int]:
    """Answers whatever is said first, be it HTTP or not, while the context is open, whose value is the port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            if await reader.read(4096):
                writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield int(server.sockets[0].getsockname()[1])


def _list(value: object) -> list[Document]:
    assert isinstance(value, list)
    return value
