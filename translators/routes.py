"""RDS: what the outbound listeners of sidecars and the listeners of gateways ask for by name."""

from __future__ import annotations

from collections.abc import Iterable

from translators.route.gateway import gateway_routes
from translators.route.proxy_headers import with_proxy_headers
from translators.route.sidecar import sidecar_routes
from xds.model.proxy import ProxyType
from xds.model.view import ProxyView
from xds.pipeline import Contribution, Memo


def translate(view: ProxyView, memo: Memo) -> Iterable[Contribution]:
    """Every RouteConfiguration of a proxy. Inbound listeners have theirs inline."""
    return memo(_routes, view.without_endpoints, memo)


def _routes(view: ProxyView, memo: Memo) -> tuple[Contribution, ...]:
    routes = gateway_routes if view.key.type is ProxyType.ROUTER else sidecar_routes
    return tuple(with_proxy_headers(routes(view, memo), view.settings.proxy.headers, memo))
