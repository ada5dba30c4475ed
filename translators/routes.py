"""RDS: what the outbound listeners of sidecars and the listeners of gateways ask for by name."""

from __future__ import annotations

from collections.abc import Iterator

from translators.route.gateway import gateway_routes
from translators.route.sidecar import sidecar_routes
from xds.model.proxy import ProxyType
from xds.model.view import ProxyView
from xds.pipeline import Contribution, Memo


def translate(view: ProxyView, memo: Memo) -> Iterator[Contribution]:
    """Every RouteConfiguration of a proxy. Inbound listeners have theirs inline."""
    if view.key.type is ProxyType.ROUTER:
        yield from gateway_routes(view, memo)
    else:
        yield from sidecar_routes(view, memo)
