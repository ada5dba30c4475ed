"""Whether others could read what a client is sent."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address, ip_address
from urllib.parse import unquote

from xds.model.proxy import Proxy

LOCAL = "127.0.0.1"


def as_reached(proxy: Proxy, address: str) -> Proxy:
    """The proxy, marked as overheard if its connection comes from another machine in plain text.

    address: where the connection comes from. What comes over TLS is handed on within this machine.
    """
    return proxy if _is_local(address) else replace(proxy, overheard=True)


def address_of(peer: str) -> str:
    """The IP address in gRPC's name of a peer: ``ipv4:10.0.0.1:4711``, ``ipv6:%5B::1%5D:4711``, ``unix:/path``."""
    scheme, _, rest = peer.partition(":")
    return LOCAL if scheme == "unix" else unquote(rest).rpartition(":")[0].strip("[]")


def _is_local(address: str) -> bool:
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return (mapped or found).is_loopback
