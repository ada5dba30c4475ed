"""Addresses as Envoy's messages have them."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from envoy_data_plane.envoy.config.core.v3 import Address, CidrRange, Pipe, SocketAddress

EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - sidecars and gateways of Istio listen on every address of their pod
LOOPBACK = "127.0.0.1"
_UNIX = "unix://"


def socket_address(ip: str, port: int) -> Address:
    """A TCP address."""
    return Address(socket_address=SocketAddress(address=ip, port_value=port))


def listening_address(bind: str, port: int) -> Address:
    """Where a listener that a user binds listens: an IP address and a port, or ``unix:///path``, ``unix://@name``."""
    path = bind.removeprefix(_UNIX)
    return socket_address(bind, port) if path == bind else Address(pipe=Pipe(path=path))


def cidr_range(block: str) -> CidrRange:
    """``10.0.0.0/8``, or one address. Bits beyond the prefix are cleared. Raises ValueError if it is neither."""
    network = ip_network(block, strict=False)
    return CidrRange(address_prefix=str(network.network_address), prefix_len=network.prefixlen)


def is_ip(text: str) -> bool:
    """True for an IPv4 or IPv6 address; false for a name and for a Unix socket."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
