"""The filter that resolves a request's host before a cluster of `translators.cluster.dynamic_forward_proxy` gets it.

Requests to other clusters pass it untouched.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from envoy_data_plane.envoy.extensions.filters.http.dynamic_forward_proxy.v3 import FilterConfig
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpFilter

from translators.cluster.dynamic_forward_proxy import dns_cache
from xds.model.gateways import OutboundTrafficMode
from xds.model.proxy import ProxyType
from xds.model.view import ProxyView
from xds.pipeline.contribution import Contribution, Direction, HttpFilterPart, Phase
from xds.pipeline.memo import Memo
from xds.wire.encode import encode, pack_any

NAME = "envoy.filters.http.dynamic_forward_proxy"


def translate(view: ProxyView, memo: Memo) -> Iterator[Contribution]:
    """One filter in the outbound connection managers of sidecars that may go wherever DNS leads."""
    if resolves_hosts(view):
        yield memo(_filter, view.settings.dns_refresh_rate)


def resolves_hosts(view: ProxyView) -> bool:
    """True if requests for hosts that the mesh does not know go where DNS leads. Istio: those of sidecars."""
    dynamic = view.outbound_traffic_policy is OutboundTrafficMode.ALLOW_ANY_DYNAMIC_DNS
    return dynamic and view.key.type is ProxyType.SIDECAR


def _filter(refresh_rate: timedelta) -> HttpFilterPart:
    config = FilterConfig(dns_cache_config=dns_cache(refresh_rate))
    return HttpFilterPart(
        phase=Phase.UPSTREAM,
        body=encode(HttpFilter(name=NAME, typed_config=pack_any(config))),
        directions=frozenset({Direction.OUTBOUND}),
    )
