"""Resolving the server name of TLS connections to services whose host is whatever the client names."""

from __future__ import annotations

from typing import Final

from envoy_data_plane.envoy.config.listener.v3 import Filter
from envoy_data_plane.envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3 import FilterConfig

from translators.cluster.dynamic_forward_proxy import dns_cache
from xds.model.services import Resolution
from xds.model.settings import MeshSettings
from xds.model.view import VisibleService
from xds.wire.encode import pack_any

SNI_DYNAMIC_FORWARD_PROXY: Final = "envoy.filters.network.sni_dynamic_forward_proxy"


def server_name_resolution(visible: VisibleService | None, port: int, settings: MeshSettings) -> Filter | None:
    """The network filter for a port of a service; None if its clusters have endpoints."""
    if visible is None or visible.service.resolution is not Resolution.DYNAMIC_DNS:
        return None
    found = visible.service.port(port)
    target = found.target if found is not None and isinstance(found.target, int) else port
    config = FilterConfig(dns_cache_config=dns_cache(settings.dns_refresh_rate), port_value=target)
    return Filter(name=SNI_DYNAMIC_FORWARD_PROXY, typed_config=pack_any(config))
