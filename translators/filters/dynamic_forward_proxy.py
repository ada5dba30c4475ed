"""Resolving the host of requests to services, or to hosts unknown to the mesh, that are whatever the client names.

The filter leaves requests alone that a route sends to any other cluster.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from envoy_data_plane.envoy.extensions.filters.http.dynamic_forward_proxy.v3 import FilterConfig
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpFilter

from translators.cluster.dynamic_forward_proxy import dns_cache
from xds.model.gateways import OutboundTrafficMode
from xds.model.proxy import ProxyType
from xds.model.services import Resolution
from xds.model.settings import MeshSettings
from xds.model.view import ProxyView, VisibleService
from xds.pipeline.contribution import Contribution, Direction, HttpFilterPart, Phase
from xds.pipeline.memo import Memo
from xds.wire.encode import encode, pack_any

NAME: Final = "envoy.filters.http.dynamic_forward_proxy"


def translate(view: ProxyView, memo: Memo) -> Iterable[Contribution]:
    """The filter in every connection manager for clients, if there is a service that needs it: any may route to it."""
    if resolves_unknown_hosts(view) or memo(_is_needed, view.services):
        yield memo(_filter, view.settings)


def resolves_unknown_hosts(view: ProxyView) -> bool:
    """True if requests for hosts that the mesh does not know go where DNS leads. Istio: those of sidecars."""
    dynamic = view.outbound_traffic_policy is OutboundTrafficMode.ALLOW_ANY_DYNAMIC_DNS
    return dynamic and view.key.type is ProxyType.SIDECAR


def _is_needed(services: tuple[VisibleService, ...]) -> bool:
    dynamic = (visible.service for visible in services if visible.service.resolution is Resolution.DYNAMIC_DNS)
    return any(port.protocol.is_http for service in dynamic for port in service.ports)


def _filter(settings: MeshSettings) -> HttpFilterPart:
    config = FilterConfig(dns_cache_config=dns_cache(settings.dns_refresh_rate))
    return HttpFilterPart(
        phase=Phase.UPSTREAM,
        body=encode(HttpFilter(name=NAME, typed_config=pack_any(config))),
        directions=frozenset({Direction.OUTBOUND, Direction.GATEWAY}),
    )
