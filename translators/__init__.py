"""ProxyView -> Envoy resources: the built-in translators, one module for each resource type and for each filter.

Belongs here: pure functions ``(view, memo) -> contributions`` that build envoy-data-plane messages and encode them.
Does not belong here: I/O, clocks, reading configuration, or what a proxy may see, which the view has decided.
Nothing in ``xds`` imports this package: a user's own translators are passed to the pipeline in the same way.
"""

from translators import automatic, clusters, endpoints, filters, grpc, listeners, routes, secrets
from translators.audience import for_envoys, for_grpc_clients
from xds.pipeline import Translator

DEFAULT: tuple[Translator, ...] = (
    *for_envoys(
        clusters.translate,
        endpoints.translate,
        listeners.translate,
        routes.translate,
        secrets.translate,
        automatic.translate,
        *filters.DEFAULT,
    ),
    *for_grpc_clients(*grpc.DEFAULT),
)
"""The built-in translators, in the order in which they are asked: ``Pipeline((*translators.DEFAULT, mine))``."""

__all__ = ["DEFAULT"]
