"""The router, which ends every chain of HTTP filters and sends the request on."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from envoy_data_plane.envoy.extensions.filters.http.router.v3 import Router
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpFilter

from xds.model.view import ProxyView
from xds.pipeline.contribution import Contribution, Direction, HttpFilterPart, Phase
from xds.pipeline.memo import Memo
from xds.wire.encode import encode, pack_any

NAME = "envoy.filters.http.router"


def translate(view: ProxyView, _memo: Memo) -> Iterable[Contribution]:
    """One filter, in every connection manager."""
    return (_filter(not view.settings.proxy.headers.debug_headers),)


@lru_cache(maxsize=2)
def _filter(suppressed: bool) -> HttpFilterPart:
    """suppressed: whether the ``x-envoy-`` headers are left out that tell what the proxy did."""
    return HttpFilterPart(
        phase=Phase.ROUTER,
        body=encode(HttpFilter(name=NAME, typed_config=pack_any(Router(suppress_envoy_headers=suppressed)))),
        directions=frozenset(Direction),
    )
