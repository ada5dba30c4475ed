"""Blocks of IP addresses."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from envoy_data_plane.envoy.config.core.v3 import CidrRange

from xds.explain.condition import Condition
from xds.explain.errors import UnsupportedError

Network = IPv4Network | IPv6Network


def network(block: CidrRange) -> Network:
    """The block; without a length it is everything of its version."""
    return ip_network(f"{block.address_prefix}/{block.prefix_len or 0}", strict=False)


def within(block: CidrRange | None, address: str | None, whose: str) -> Condition:
    """Whether an address is in the block. whose: ``destination``, for the words.

    Raises UnsupportedError if the address is not known (empty), or an extension would have to find it (None).
    """
    if address is None:
        raise UnsupportedError(f"a policy about the {whose} address, which an extension finds")
    if not address:
        raise UnsupportedError(f"a policy about the {whose} address, which is not known")
    wanted = network(block or CidrRange())
    return Condition(ip_address(address) in wanted, f"{whose} address is in {wanted}", f"it is {address}")
