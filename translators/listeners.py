"""LDS: where sidecars and gateways accept traffic."""

from __future__ import annotations

from collections.abc import Iterable

from translators.listener.dual_stack import dual_stack
from translators.listener.explicit import proxy_listener
from translators.listener.gateway import gateway_listeners
from translators.listener.inbound import inbound_listeners
from translators.listener.limits import limited
from translators.listener.outbound import outbound_listeners
from translators.route.client import interned
from xds.model.proxy import ProxyType
from xds.model.view import ProxyView
from xds.pipeline import Contribution, Memo


def translate(view: ProxyView, memo: Memo) -> Iterable[Contribution]:
    """All listeners of a proxy. Where the workload receives, nothing of its own can listen for what it sends."""
    if view.key.type is ProxyType.ROUTER:
        return memo(_of_gateway, view.without_endpoints, memo)
    inbound = tuple(inbound_listeners(view, memo))
    taken = {part.name for part in inbound}
    outbound = (*outbound_listeners(view, memo), *proxy_listener(view, memo))
    parts = (*(part for part in outbound if part.name not in taken), *inbound)
    return memo(interned, *limited(dual_stack(parts, view, memo), view, memo))


def _of_gateway(view: ProxyView, memo: Memo) -> tuple[Contribution, ...]:
    return tuple(limited(dual_stack(gateway_listeners(view, memo), view, memo), view, memo))
