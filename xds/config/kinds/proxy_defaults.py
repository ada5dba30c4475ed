"""Istio's mesh-wide ``ProxyConfig``: what every proxy is given, and what one Pod's is given instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xds.config.kinds.proxy_connections import HONOURED_CONNECTIONS, parse_connection_settings
from xds.config.kinds.proxy_headers import HONOURED_HEADERS, given_headers, parse_proxy_headers
from xds.config.reader import Reader
from xds.config.scalars import parse_ip
from xds.model.labels import Labels
from xds.model.proxy_settings import ForwardClientCertDetails, ProxyDefaults, ProxyOverride

HONOURED_PROXY: Final[Mapping[str, str]] = {
    "": "proxyAdminPort proxyMetadata meshId serviceCluster runtimeValues statsdUdpAddress",
    "gatewayTopology": "numTrustedProxies forwardClientCertDetails proxyProtocol",
    "connectionSettings": HONOURED_CONNECTIONS,
    "proxyHeaders": HONOURED_HEADERS,
}
"""The honoured fields of a proxy's configuration, by where they stand in it."""

_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "proxyAdminPort": ("admin_port",),
    "serviceCluster": ("service_cluster",),
    "runtimeValues": ("runtime_values",),
    "statsdUdpAddress": ("statsd",),
    "gatewayTopology": ("trusted_proxies", "forward_client_cert", "proxy_protocol"),
    "connectionSettings": ("connections",),
}
"""By field of Istio's message, those of `ProxyDefaults`; what is merged instead of replaced is not here."""

_PREFIX: Final = "ISTIO_META_"


def parse_proxy_defaults(config: Reader) -> ProxyDefaults:
    """A proxy's configuration; Istio's defaults for what it leaves open."""
    topology = config.section("gatewayTopology")
    return ProxyDefaults(
        admin_port=config.integer("proxyAdminPort"),
        metadata=_metadata(config),
        service_cluster=config.text("serviceCluster"),
        runtime_values=config.labels("runtimeValues"),
        statsd=config.parsed("statsdUdpAddress", _address, ""),
        trusted_proxies=topology.integer("numTrustedProxies"),
        forward_client_cert=ForwardClientCertDetails(topology.text("forwardClientCertDetails", "UNDEFINED")),
        proxy_protocol=topology.has("proxyProtocol"),
        connections=parse_connection_settings(config),
        headers=parse_proxy_headers(config),
    )


def parse_proxy_override(config: Reader) -> ProxyOverride:
    """The same as what one proxy is given instead of the mesh's."""
    given = frozenset(name for field, names in _FIELDS.items() if config.has(field) for name in names)
    return ProxyOverride(given, given_headers(config), parse_proxy_defaults(config))


def _metadata(config: Reader) -> Labels:
    sent = parse_proxy_metadata(config, "proxyMetadata")
    return Labels({**sent, "MESH_ID": config.text("meshId")}) if config.has("meshId") else sent


def parse_proxy_metadata(config: Reader, field: str) -> Labels:
    """Istio sends what begins with ``ISTIO_META_``; the rest is the environment of its agent."""
    given = config.labels(field)
    for name in given:
        if not name.startswith(_PREFIX):
            reason = f"only names that begin with {_PREFIX} are sent; there is no agent to set others for"
            config.warning((field, name), reason, "no-effect")
    return Labels({name.removeprefix(_PREFIX): value for name, value in given.items() if name.startswith(_PREFIX)})


def _address(text: str) -> str:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise ValueError(f"{text[:60]!r} is not IP:PORT")
    return f"{parse_ip(host.strip('[]'))}:{port}" if ":" not in host else f"[{parse_ip(host.strip('[]'))}]:{port}"
