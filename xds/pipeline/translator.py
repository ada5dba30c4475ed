"""How a translator is written: a pure function from a view to contributions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Final, Protocol, TypeVar, cast

import betterproto2
from envoy_data_plane.envoy.config.cluster.v3 import Cluster
from envoy_data_plane.envoy.config.core.v3 import TypedExtensionConfig
from envoy_data_plane.envoy.config.endpoint.v3 import ClusterLoadAssignment
from envoy_data_plane.envoy.config.listener.v3 import Listener
from envoy_data_plane.envoy.config.route.v3 import RouteConfiguration, ScopedRouteConfiguration, VirtualHost
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import Secret
from envoy_data_plane.envoy.service.runtime.v3 import Runtime

from xds.model.objects import ObjectKey
from xds.model.view import ProxyView
from xds.pipeline.contribution import Contribution, Patch, Resources
from xds.pipeline.memo import Memo
from xds.pipeline.references import aliases_of, references_of
from xds.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET, VIRTUAL_HOST, Resource, TypeUrl
from xds.resources.types import EXTENSION_CONFIG, RUNTIME, SCOPED_ROUTE
from xds.wire.encode import encode


class Translator(Protocol):
    """Turns what a proxy may see into contributions to its resources.

    Must be pure: the result depends on the view alone. Give work that a small change should not repeat to ``memo``.
    May raise: the proxy then keeps what this translator last returned for it, and the error is reported.
    """

    def __call__(self, view: ProxyView, memo: Memo, /) -> Iterable[Contribution]: ...


_GUARD: Final = "is_guard"

T = TypeVar("T", bound=Translator)


def guard(translator: T) -> T:
    """Marks a translator that keeps out what is to be kept out (a decorator).

    Where it raises, a proxy for which it has never returned anything is sent nothing at all: everybody would be let in.
    """
    setattr(translator, _GUARD, True)
    return translator


def is_guard(translator: Translator) -> bool:
    """Whether it is marked as one."""
    return getattr(translator, _GUARD, False) is True


_TYPE_URLS: dict[type[betterproto2.Message], TypeUrl] = {
    Listener: LISTENER,
    RouteConfiguration: ROUTE,
    Cluster: CLUSTER,
    ClusterLoadAssignment: ENDPOINT,
    Secret: SECRET,
    ScopedRouteConfiguration: SCOPED_ROUTE,
    VirtualHost: VIRTUAL_HOST,
    TypedExtensionConfig: EXTENSION_CONFIG,
    Runtime: RUNTIME,
}


def type_url_of(message: type[betterproto2.Message]) -> TypeUrl:
    """The xDS type whose resources are of this class. Raises TypeError for a message that is not a resource."""
    try:
        return _TYPE_URLS[message]
    except KeyError:
        known = ", ".join(sorted(cls.__name__ for cls in _TYPE_URLS))
        raise TypeError(f"{message.__name__} is not a resource; known are {known}") from None


def resource_of(
    message: betterproto2.Message, origins: tuple[ObjectKey, ...] = (), ttl: timedelta | None = None
) -> Resource:
    """The message as a resource. Raises TypeError for a message that is not one, ValueError if it has no name or a TTL
    that is not positive."""
    type_url = type_url_of(type(message))
    name = message.cluster_name if isinstance(message, ClusterLoadAssignment) else getattr(message, "name", "")
    if not name:
        raise ValueError(f"a {type(message).__name__} needs a name")
    return Resource.of(type_url, name, encode(message), references_of(message), origins, ttl, aliases_of(message))


def add(*messages: betterproto2.Message, ttl: timedelta | None = None) -> Contribution:
    """Contributes whole resources: any of Listener, RouteConfiguration, Cluster, ClusterLoadAssignment, Secret,
    ScopedRouteConfiguration, TypedExtensionConfig and Runtime.

    A VirtualHost too, which proxies get on demand (VHDS) for a RouteConfiguration that has ``vhds``: its name must be
    ``route/anything``, with the name of that, and it is found by its domains.

    ttl: how long a proxy keeps them when it has lost its control plane; None: for ever. While a stream is open they are
    renewed in time, which needs a TTL of at least a minute if the proxy may be slow to answer.
    """
    return Resources(tuple(resource_of(message, ttl=ttl) for message in messages))


M = TypeVar("M", bound=betterproto2.Message)


def patch(message: type[M], name: str | None, apply: Callable[[M], M]) -> Contribution:
    """Contributes a change to finished output: see `Patch`. ``apply`` may change the message that it is given."""
    return Patch(message, name, cast("Callable[[betterproto2.Message], betterproto2.Message]", apply))
