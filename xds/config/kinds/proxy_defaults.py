"""Istio ``ProxyConfig`` as the mesh's ``defaultConfig``: what every proxy is given."""

from __future__ import annotations

from typing import Final

from xds.config.reader import Reader
from xds.config.scalars import parse_ip
from xds.model.labels import Labels
from xds.model.settings import ForwardClientCertDetails, ProxyDefaults

HONOURED_PROXY: Final = (
    "proxyAdminPort proxyMetadata meshId serviceCluster runtimeValues statsdUdpAddress"
    " gatewayTopology.numTrustedProxies gatewayTopology.forwardClientCertDetails"
)
"""The honoured fields of a proxy's configuration, for a kind's list."""

_PREFIX: Final = "ISTIO_META_"


def parse_proxy_defaults(reader: Reader) -> ProxyDefaults:
    """``defaultConfig``; Istio's defaults if absent."""
    config = reader.section("defaultConfig")
    topology = config.section("gatewayTopology")
    return ProxyDefaults(
        admin_port=config.integer("proxyAdminPort"),
        metadata=_metadata(config),
        service_cluster=config.text("serviceCluster"),
        runtime_values=config.labels("runtimeValues"),
        statsd=config.parsed("statsdUdpAddress", _address, ""),
        trusted_proxies=topology.integer("numTrustedProxies"),
        forward_client_cert=ForwardClientCertDetails(topology.text("forwardClientCertDetails", "UNDEFINED")),
    )


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
