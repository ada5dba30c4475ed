"""What a traffic policy asks of a connection beyond pool and TLS: a PROXY header, or a tunnel through a proxy."""

from __future__ import annotations

from typing import Final

from xds.config.kinds.names import parse_port_number
from xds.config.kinds.workload_fields import parse_workload_address
from xds.config.reader import Reader
from xds.model.policy import ProxyProtocol, TunnelProtocol, TunnelSettings

HONOURED_PROXY_PROTOCOL: Final = "version"
HONOURED_TUNNEL: Final = "protocol targetHost targetPort"


def parse_proxy_protocol(policy: Reader) -> ProxyProtocol | None:
    """``proxyProtocol`` of a traffic policy; None if absent. Without a version it is V1, as in Istio."""
    settings = policy.child("proxyProtocol")
    return None if settings is None else ProxyProtocol(settings.text("version", "V1"))


def parse_tunnel(policy: Reader) -> TunnelSettings | None:
    """``tunnel`` of a traffic policy; None if absent. Without a protocol it is CONNECT, as in Istio."""
    tunnel = policy.child("tunnel")
    if tunnel is None:
        return None
    if not tunnel.text("targetHost"):
        tunnel.error("targetHost", "must not be empty", "missing-field")
    return TunnelSettings(
        target_host=tunnel.parsed("targetHost", _host, ""),
        target_port=parse_port_number(tunnel, "targetPort") or 0,
        protocol=tunnel.parsed("protocol", _protocol, TunnelProtocol.CONNECT),
    )


def _host(text: str) -> str:
    address = parse_workload_address(text)
    if "/" in address or "@" in address:
        raise ValueError(f"{text!r} is neither an IP address nor a host name")
    return address


def _protocol(text: str) -> TunnelProtocol:
    try:
        return TunnelProtocol(text)
    except ValueError:
        known = " or ".join(each.value for each in TunnelProtocol)
        raise ValueError(f"{text!r} is not {known}") from None
