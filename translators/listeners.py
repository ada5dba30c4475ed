"""LDS: where sidecars and gateways accept traffic."""

from __future__ import annotations

from collections.abc import Iterator

from translators.listener.explicit import proxy_listener
from translators.listener.gateway import gateway_listeners
from translators.listener.inbound import inbound_listeners
from translators.listener.outbound import outbound_listeners
from xds.model.proxy import ProxyType
from xds.model.view import ProxyView
from xds.pipeline import Contribution, Memo


def translate(view: ProxyView, memo: Memo) -> Iterator[Contribution]:
    """All listeners of a proxy."""
    if view.key.type is ProxyType.ROUTER:
        yield from gateway_listeners(view, memo)
        return
    yield from outbound_listeners(view, memo)
    yield from proxy_listener(view, memo)
    yield from inbound_listeners(view, memo)
