"""Gateway and Sidecar: what proxies listen on, and what they may see."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from xds.model.labels import Labels
from xds.model.objects import ObjectMeta, Origin
from xds.model.policy import ConnectionPoolSettings
from xds.model.routing import Destination
from xds.model.server_tls import ServerTLSMode, ServerTLSSettings, TLSVersion
from xds.model.services import Protocol

HTTP3_ANNOTATION: Final = "pilothouse/http3"
"""``true`` on a Gateway: its HTTPS servers are to be reached by HTTP/3 too."""


@dataclass(frozen=True, slots=True)
class Port:
    """Istio ``Port`` and ``SidecarPort``."""

    number: int
    protocol: Protocol
    name: str = ""


@dataclass(frozen=True, slots=True)
class HostSelector:
    """``namespace/host`` as Gateways and Sidecars write it.

    namespace: a name, ``*`` (any), ``.`` (the object's own) or ``~`` (none); ``.`` is resolved by the parser.
    """

    namespace: str
    host: str


class Transport(Enum):
    """What of a server decides which others it can share a port with."""

    HTTP = "plain-text HTTP"  # by host
    TLS = "TLS"  # by server name
    TCP = "TCP"  # with none


@dataclass(frozen=True, slots=True)
class Server:
    """Istio ``Server``: one port of a gateway and the hosts exposed on it.

    bind: an address, or a Unix socket with port 0; empty for every address. tls: None where there is none to speak of.
    index: its position in the object.
    """

    port: Port
    hosts: tuple[HostSelector, ...]
    origin: Origin
    bind: str = ""
    name: str = ""
    tls: ServerTLSSettings | None = None
    index: int = 0

    @property
    def transport(self) -> Transport:
        """What it can share its port with."""
        if self.port.protocol.is_http:
            return Transport.HTTP
        return Transport.TLS if self.port.protocol.is_tls and self.tls is not None else Transport.TCP

    @property
    def mode(self) -> ServerTLSMode | None:
        """What is done with TLS; None for plain text."""
        return self.tls.mode if self.tls is not None and self.transport is Transport.TLS else None

    @property
    def is_https(self) -> bool:
        """Whether it routes requests that came encrypted: it has a RouteConfiguration of its own."""
        return self.mode is not None and self.mode.terminates and self.port.protocol is Protocol.HTTPS

    @property
    def may_speak_http3(self) -> bool:
        """Whether requests may come over QUIC as well. Envoy verifies no clients there, and QUIC needs TLS 1.3."""
        tls = self.tls
        new = tls is not None and tls.max_version in (TLSVersion.AUTO, TLSVersion.V1_3)
        return new and self.is_https and self.mode is ServerTLSMode.SIMPLE

    @property
    def redirects(self) -> bool:
        """Whether plain-text requests are sent to https."""
        return self.tls is not None and self.tls.https_redirect


@dataclass(frozen=True, slots=True)
class Gateway:
    """Istio ``Gateway``. An empty selector selects every gateway proxy."""

    meta: ObjectMeta
    selector: Labels
    servers: tuple[Server, ...]

    @property
    def asks_for_http3(self) -> bool:
        """By the annotation that Istio has no field for."""
        return self.meta.annotations.get(HTTP3_ANNOTATION) == "true"

    @property
    def ref(self) -> str:
        """``namespace/name``, as a VirtualService's ``gateways`` refers to it once resolved."""
        return f"{self.meta.namespace}/{self.meta.name}"


class SidecarCaptureMode(Enum):
    """Istio ``CaptureMode`` of one Sidecar listener."""

    DEFAULT = "DEFAULT"
    IPTABLES = "IPTABLES"
    NONE = "NONE"


class OutboundTrafficMode(Enum):
    """What happens to traffic for hosts that the mesh does not know (Istio ``OutboundTrafficPolicy.Mode``).

    ALLOW_ANY_DYNAMIC_DNS: as ALLOW_ANY, but plain-text HTTP goes where DNS says that the request's host is.
    """

    REGISTRY_ONLY = "REGISTRY_ONLY"
    ALLOW_ANY = "ALLOW_ANY"
    ALLOW_ANY_DYNAMIC_DNS = "ALLOW_ANY_DYNAMIC_DNS"


@dataclass(frozen=True, slots=True)
class IstioEgressListener:
    """Istio ``IstioEgressListener``. port None: a catch-all for the ports that no other listener names."""

    hosts: tuple[HostSelector, ...]
    origin: Origin
    port: Port | None = None
    bind: str = ""
    capture_mode: SidecarCaptureMode = SidecarCaptureMode.DEFAULT


@dataclass(frozen=True, slots=True)
class IstioIngressListener:
    """Istio ``IstioIngressListener``. default_endpoint: ``127.0.0.1:PORT``, ``0.0.0.0:PORT``, or ``unix:///path``;
    empty for the port itself. connection_pool: instead of the Sidecar's for all its ports. tls: what clients speak, if
    the proxy is to end it."""

    port: Port
    default_endpoint: str
    origin: Origin
    bind: str = ""
    capture_mode: SidecarCaptureMode = SidecarCaptureMode.DEFAULT
    connection_pool: ConnectionPoolSettings | None = None
    tls: ServerTLSSettings | None = None


@dataclass(frozen=True, slots=True)
class Sidecar:
    """Istio ``Sidecar``.

    workload_selector None: the default of its namespace. ingress None: derived from services. egress_proxy: where
    traffic for unknown hosts goes under ALLOW_ANY. inbound_connection_pool: towards the workload, on every port.
    """

    meta: ObjectMeta
    workload_selector: Labels | None = None
    ingress: tuple[IstioIngressListener, ...] | None = None
    egress: tuple[IstioEgressListener, ...] | None = None
    outbound_traffic_policy: OutboundTrafficMode | None = None
    egress_proxy: Destination | None = None
    inbound_connection_pool: ConnectionPoolSettings | None = None
