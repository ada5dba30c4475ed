"""Where a workload listens, as text and as Envoy's ``Address``."""

from __future__ import annotations

from ipaddress import ip_address

from xds.wire.core_pb2 import Address

_UNIX = "unix://"


def fill_address(address: Address, host: str, port: int) -> None:
    """Fills in an empty ``address``; filling in place is what makes thousands of endpoints cheap.

    host: an IP, a DNS name, or a Unix socket: ``unix:///path``, ``/path`` or ``@abstract``, which has no port.
    """
    path = host.removeprefix(_UNIX)
    if path.startswith(("/", "@")):
        address.pipe.path = path
    else:
        address.socket_address.address = host
        address.socket_address.port_value = port


def split_host_port(text: str) -> tuple[str, int]:
    """``127.0.0.1:80`` and ``[::1]:80`` into their parts; a Unix socket is returned as it is, with port 0.

    Raises ValueError if there is no port.
    """
    if text.startswith(_UNIX):
        return text, 0
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def is_unspecified(host: str) -> bool:
    """True for ``0.0.0.0`` and ``::``."""
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False
