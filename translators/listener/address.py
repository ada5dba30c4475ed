"""Addresses as Envoy's messages have them."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from envoy_data_plane.envoy.config.core.v3 import Address, CidrRange, Pipe, SocketAddress, SocketAddressProtocol
from envoy_data_plane.envoy.config.listener.v3 import AdditionalAddress, Listener

from xds.wire.encode import encode

EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - sidecars and gateways of Istio listen on every address of their pod
LOOPBACK = "127.0.0.1"
UNIX = "unix://"


def socket_address(ip: str, port: int) -> Address:
    """A TCP address."""
    return Address(socket_address=SocketAddress(address=ip, port_value=port))


def udp_address(ip: str, port: int) -> Address:
    """A UDP address."""
    return Address(socket_address=SocketAddress(protocol=SocketAddressProtocol.UDP, address=ip, port_value=port))


def on_ipv6(bind: str, port: int, *, udp: bool = False) -> bytes:
    """The encoded field of a Listener by which one that is bound to every address of IPv4 is bound to those of IPv6
    too; empty for one that is bound to a single address (``Listener.additional_addresses``)."""
    if bind != EVERY_ADDRESS:
        return b""
    address = udp_address("::", port) if udp else socket_address("::", port)
    return encode(Listener(additional_addresses=[AdditionalAddress(address=address)]))


def bound_address(bind: str, port: int) -> Address:
    """Where a Sidecar's listener binds: an IP address, or ``unix:///path`` or ``unix://@name``, which have no port."""
    return Address(pipe=Pipe(path=bind.removeprefix(UNIX))) if is_unix_socket(bind) else socket_address(bind, port)


def is_unix_socket(bind: str) -> bool:
    """True for ``unix:///path`` and ``unix://@name``."""
    return bind.startswith(UNIX)


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
