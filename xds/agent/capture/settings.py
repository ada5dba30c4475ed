"""What of a workload's traffic is led through its Envoy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Network, IPv6Network
from typing import Final

Network = IPv4Network | IPv6Network

PROXY_USER: Final = 1337
"""As whom Istio's proxies run."""


class Every(Enum):
    """``*``: all ports, or all addresses."""

    EVERY = "*"


EVERY: Final = Every.EVERY


@dataclass(frozen=True, slots=True)
class CaptureSettings:
    """Names are those of Istio's annotations ``traffic.sidecar.istio.io/...``.

    proxy_uids, proxy_gids: whose traffic is the proxy's own, and left alone. inbound_port, outbound_port: where Envoy
    takes what arrives and what leaves. include_outbound_ports: captured wherever they lead, even to addresses that
    ``include_outbound_ip_ranges`` does not have. exclude_interfaces: their traffic is left alone.
    """

    proxy_uids: tuple[int, ...] = (PROXY_USER,)
    proxy_gids: tuple[int, ...] = (PROXY_USER,)
    inbound_port: int = 15006
    outbound_port: int = 15001
    include_inbound_ports: tuple[int, ...] | Every = EVERY
    exclude_inbound_ports: tuple[int, ...] = ()
    include_outbound_ports: tuple[int, ...] | Every = ()
    exclude_outbound_ports: tuple[int, ...] = ()
    include_outbound_ip_ranges: tuple[Network, ...] | Every = EVERY
    exclude_outbound_ip_ranges: tuple[Network, ...] = ()
    exclude_interfaces: tuple[str, ...] = ()
