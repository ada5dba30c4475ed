"""Changes to what is generated for a proxy, by users who know Envoy's messages (Istio ``EnvoyFilter``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final

from xds.model.labels import EMPTY_LABELS, Labels
from xds.model.objects import ObjectKey, ObjectMeta, Origin


class ApplyTo(Enum):
    """What a patch is a change of (Istio ``EnvoyFilter.ApplyTo``)."""

    LISTENER = "LISTENER"
    FILTER_CHAIN = "FILTER_CHAIN"
    LISTENER_FILTER = "LISTENER_FILTER"
    NETWORK_FILTER = "NETWORK_FILTER"
    HTTP_FILTER = "HTTP_FILTER"
    ROUTE_CONFIGURATION = "ROUTE_CONFIGURATION"
    VIRTUAL_HOST = "VIRTUAL_HOST"
    HTTP_ROUTE = "HTTP_ROUTE"
    CLUSTER = "CLUSTER"
    EXTENSION_CONFIG = "EXTENSION_CONFIG"
    BOOTSTRAP = "BOOTSTRAP"


MESSAGES: Final[Mapping[ApplyTo, str]] = MappingProxyType(
    {
        ApplyTo.LISTENER: "envoy.config.listener.v3.Listener",
        ApplyTo.FILTER_CHAIN: "envoy.config.listener.v3.FilterChain",
        ApplyTo.LISTENER_FILTER: "envoy.config.listener.v3.ListenerFilter",
        ApplyTo.NETWORK_FILTER: "envoy.config.listener.v3.Filter",
        ApplyTo.HTTP_FILTER: "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter",
        ApplyTo.ROUTE_CONFIGURATION: "envoy.config.route.v3.RouteConfiguration",
        ApplyTo.VIRTUAL_HOST: "envoy.config.route.v3.VirtualHost",
        ApplyTo.HTTP_ROUTE: "envoy.config.route.v3.Route",
        ApplyTo.CLUSTER: "envoy.config.cluster.v3.Cluster",
        ApplyTo.EXTENSION_CONFIG: "envoy.config.core.v3.TypedExtensionConfig",
        ApplyTo.BOOTSTRAP: "envoy.config.bootstrap.v3.Bootstrap",
    }
)
"""The full names of the messages."""


class PatchOperation(Enum):
    """How it is changed (Istio ``EnvoyFilter.Patch.Operation``)."""

    MERGE = "MERGE"
    MERGE_AND_REPLACE_LIST = "MERGE_AND_REPLACE_LIST"
    ADD = "ADD"
    REMOVE = "REMOVE"
    INSERT_BEFORE = "INSERT_BEFORE"
    INSERT_AFTER = "INSERT_AFTER"
    INSERT_FIRST = "INSERT_FIRST"
    REPLACE = "REPLACE"

    @property
    def is_merge(self) -> bool:
        return self in (PatchOperation.MERGE, PatchOperation.MERGE_AND_REPLACE_LIST)


class PatchContext(Enum):
    """In which direction of which kind of proxy (Istio ``EnvoyFilter.PatchContext``)."""

    ANY = "ANY"
    SIDECAR_INBOUND = "SIDECAR_INBOUND"
    SIDECAR_OUTBOUND = "SIDECAR_OUTBOUND"
    GATEWAY = "GATEWAY"


class FilterClass(Enum):
    """Where an HTTP filter that is added belongs: behind authentication, behind authorization, before statistics."""

    UNSPECIFIED = "UNSPECIFIED"
    AUTHN = "AUTHN"
    AUTHZ = "AUTHZ"
    STATS = "STATS"


class RouteKind(Enum):
    """What a route does with a request (Istio ``RouteMatch.Action``)."""

    ANY = "ANY"
    ROUTE = "ROUTE"
    REDIRECT = "REDIRECT"
    DIRECT_RESPONSE = "DIRECT_RESPONSE"


@dataclass(frozen=True, slots=True)
class FilterChainMatch:
    """Empty, 0 and None mean any. filter, sub_filter: the names of a network filter, and of an HTTP filter in it."""

    name: str = ""
    sni: str = ""
    transport_protocol: str = ""
    application_protocols: tuple[str, ...] = ()
    destination_port: int = 0
    filter: str | None = None
    sub_filter: str | None = None


@dataclass(frozen=True, slots=True)
class ListenerMatch:
    """Empty and 0 mean any."""

    name: str = ""
    port_number: int = 0
    port_name: str = ""
    listener_filter: str = ""
    chain: FilterChainMatch = FilterChainMatch()


@dataclass(frozen=True, slots=True)
class RouteMatch:
    """An empty name means any."""

    name: str = ""
    kind: RouteKind = RouteKind.ANY


@dataclass(frozen=True, slots=True)
class VirtualHostMatch:
    """Empty means any. route: None if the patch speaks of no route."""

    name: str = ""
    domain_name: str = ""
    route: RouteMatch | None = None


@dataclass(frozen=True, slots=True)
class RouteConfigurationMatch:
    """Empty and 0 mean any. gateway: ``namespace/name``. vhost: None if the patch speaks of no virtual host."""

    name: str = ""
    port_number: int = 0
    port_name: str = ""
    gateway: str = ""
    vhost: VirtualHostMatch | None = None


@dataclass(frozen=True, slots=True)
class ClusterMatch:
    """Empty and 0 mean any."""

    name: str = ""
    service: str = ""
    subset: str = ""
    port_number: int = 0


@dataclass(frozen=True, slots=True)
class ProxyCondition:
    """Which proxies a patch is for. version: a regular expression that is found in theirs, empty for any.

    metadata: entries of theirs.
    """

    version: str = ""
    metadata: Labels = EMPTY_LABELS


@dataclass(frozen=True, slots=True, eq=False)
class ConfigPatch:
    """One patch (Istio ``EnvoyConfigObjectPatch``).

    object, index: the EnvoyFilter that it is in, and its place there; origin: where it is written. value: the encoded
    message, of the kind that `MESSAGES` says; name: the one in it. proxy: None if it is for all proxies.
    """

    object: ObjectKey
    index: int
    origin: Origin
    apply_to: ApplyTo
    operation: PatchOperation
    value: bytes = b""
    name: str = ""
    context: PatchContext = PatchContext.ANY
    filter_class: FilterClass = FilterClass.UNSPECIFIED
    proxy: ProxyCondition | None = None
    listener: ListenerMatch | None = None
    route: RouteConfigurationMatch | None = None
    cluster: ClusterMatch | None = None

    @property
    def path(self) -> tuple[str | int, ...]:
        """Its place in the document."""
        return ("spec", "configPatches", self.index)


@dataclass(frozen=True, slots=True, eq=False)
class EnvoyFilter:
    """Istio ``EnvoyFilter``. workload_selector: None for all proxies of its namespace, or of the mesh if that is the
    root namespace. priority: a lower one is applied first."""

    meta: ObjectMeta
    patches: tuple[ConfigPatch, ...]
    workload_selector: Labels | None = None
    priority: int = 0
