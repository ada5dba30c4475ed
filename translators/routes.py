"""Translator of routes: RouteConfigurations for the outbound listeners of sidecars and the listeners of gateways."""

from __future__ import annotations

from collections.abc import Iterable

from translators.route.gateway import gateway_routes
from translators.route.sidecar import sidecar_routes
from xds.model.proxy import ProxyType
from xds.model.view import ProxyView
from xds.pipeline.contribution import Contribution
from xds.pipeline.memo import Memo


def translate(view: ProxyView, memo: Memo) -> Iterable[Contribution]:
    """Every RouteConfiguration that a listener of this proxy asks for by name."""
    if view.key.type is ProxyType.ROUTER:
        return gateway_routes(view, memo)
    return sidecar_routes(view, memo)
