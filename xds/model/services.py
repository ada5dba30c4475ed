"""Services and the endpoints behind them, whatever kind of object declared them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import NamedTuple

from xds.model.labels import EMPTY_LABELS, Labels
from xds.model.locality import LocalityLbSetting
from xds.model.objects import ObjectMeta
from xds.model.proxy_settings import ProxyOverride


class Protocol(StrEnum):
    """The application protocol of a port (Istio "protocol selection"). UNSUPPORTED ports are sniffed."""

    HTTP = "HTTP"
    HTTP2 = "HTTP2"
    GRPC = "GRPC"
    GRPC_WEB = "GRPC-Web"
    HTTPS = "HTTPS"
    TLS = "TLS"
    TCP = "TCP"
    MONGO = "Mongo"
    MYSQL = "MySQL"
    REDIS = "Redis"
    UDP = "UDP"
    UNSUPPORTED = "UnsupportedProtocol"

    @property
    def is_http(self) -> bool:
        """Plain-text HTTP of some version: requests can be routed."""
        return self in _HTTP

    @property
    def is_http2(self) -> bool:
        """HTTP/2 with prior knowledge upstream."""
        return self in (Protocol.HTTP2, Protocol.GRPC, Protocol.GRPC_WEB)

    @property
    def is_tls(self) -> bool:
        """TLS that the application itself speaks: routed by SNI only."""
        return self in (Protocol.HTTPS, Protocol.TLS)

    @property
    def is_tcp(self) -> bool:
        """Opaque bytes, TLS included."""
        return self in _TCP or self.is_tls


_HTTP = frozenset({Protocol.HTTP, Protocol.HTTP2, Protocol.GRPC, Protocol.GRPC_WEB})
_TCP = frozenset({Protocol.TCP, Protocol.MONGO, Protocol.MYSQL, Protocol.REDIS})


class Resolution(Enum):
    """How a client finds the endpoints of a service (Istio ``ServiceEntry.Resolution``)."""

    STATIC = "STATIC"  # the control plane streams them: EDS
    DNS = "DNS"  # Envoy resolves every endpoint's name: STRICT_DNS
    DNS_ROUND_ROBIN = "DNS_ROUND_ROBIN"  # one connection at a time to whatever the name gives: LOGICAL_DNS
    DYNAMIC_DNS = "DYNAMIC_DNS"  # Envoy resolves the name that each request or TLS client gives: dynamic forward proxy
    NONE = "NONE"  # the address that the client dialled: ORIGINAL_DST


class Location(Enum):
    """Whether the workloads behind a service are part of the mesh (Istio ``ServiceEntry.Location``)."""

    MESH_INTERNAL = "MESH_INTERNAL"
    MESH_EXTERNAL = "MESH_EXTERNAL"


class ServiceKey(NamedTuple):
    """A service's identity: its fully qualified host name and the namespace of the object that declares it."""

    hostname: str
    namespace: str


@dataclass(frozen=True, slots=True)
class ServicePort:
    """One port of a service.

    number: the port that clients dial. target: the port on the workload; a name refers to a named port of the
    workload (Kubernetes ``targetPort``, WorkloadEntry ``ports``); None means the same number.
    """

    number: int
    name: str
    protocol: Protocol
    target: int | str | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """A host name that clients can call (Kubernetes Service, or one host of an Istio ServiceEntry).

    addresses: virtual IPs or CIDR blocks that lead here; empty if there are none. selector: labels of the workloads
    that serve it; None if endpoints are listed by hand. export_to: namespaces that may see it; ``*`` is
    all, ``~`` none, and ``.`` was replaced by the service's own. external_name: the target of a Kubernetes
    ExternalName service. publish_not_ready: its endpoints count as ready whatever they say. locality: which endpoints
    clients prefer where no rule says it. assigned: automatic addresses that the object's status names.
    """

    hostname: str
    meta: ObjectMeta
    ports: tuple[ServicePort, ...]
    addresses: tuple[str, ...] = ()
    resolution: Resolution = Resolution.STATIC
    location: Location = Location.MESH_INTERNAL
    selector: Labels | None = None
    headless: bool = False
    external_name: str | None = None
    export_to: tuple[str, ...] = ("*",)
    subject_alt_names: tuple[str, ...] = ()
    publish_not_ready: bool = False
    locality: LocalityLbSetting | None = None
    assigned: tuple[str, ...] = ()

    @property
    def key(self) -> ServiceKey:
        return ServiceKey(self.hostname, self.meta.namespace)

    @property
    def name(self) -> str:
        """The short name: for a Kubernetes service its own, otherwise the host name's first label."""
        return self.meta.name if self.meta.key.kind == "Service" else self.hostname.partition(".")[0]

    def port(self, number: int) -> ServicePort | None:
        """The port with this number, or None."""
        return next((port for port in self.ports if port.number == number), None)


class Locality(NamedTuple):
    """Envoy ``core.v3.Locality``; empty strings where unknown."""

    region: str = ""
    zone: str = ""
    sub_zone: str = ""

    @classmethod
    def parse(cls, text: str, separator: str = "/") -> Locality:
        """``region/zone/subzone``, the later parts optional."""
        region, _, rest = text.partition(separator)
        zone, _, sub_zone = rest.partition(separator)
        return cls(region, zone, sub_zone)


UNKNOWN_LOCALITY = Locality()


class Health(Enum):
    """Readiness as the registry knows it (Envoy ``core.v3.HealthStatus``)."""

    HEALTHY = "HEALTHY"
    UNHEALTHY = "UNHEALTHY"
    DRAINING = "DRAINING"


@dataclass(frozen=True, slots=True)
class Workload:
    """One running instance: a Pod or a WorkloadEntry.

    address: an IP, a DNS name, or ``unix:///path``. ports: named ports of the workload. weight: the share among the
    endpoints of its locality; 0 means unset. proxy: what it says of its own proxy.
    """

    meta: ObjectMeta
    address: str
    labels: Labels
    service_account: str = ""
    ports: Mapping[str, int] = field(default_factory=dict)
    locality: Locality = UNKNOWN_LOCALITY
    network: str = ""
    weight: int = 0
    health: Health = Health.HEALTHY
    proxy: ProxyOverride | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address that serves one port of one service (Envoy ``LbEndpoint``).

    address: an IP, a DNS name (DNS resolution only), or a Unix socket path with port 0. weight: 0 means unset.
    workload: name of the workload's object, empty if not known.
    """

    address: str
    port: int
    labels: Labels = EMPTY_LABELS
    locality: Locality = UNKNOWN_LOCALITY
    weight: int = 0
    health: Health = Health.HEALTHY
    network: str = ""
    service_account: str = ""
    namespace: str = ""
    workload: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class ServiceEndpoints:
    """All endpoints of one service, by service port number. Compared by identity: an unchanged one is the same one."""

    service: ServiceKey
    by_port: Mapping[int, tuple[Endpoint, ...]]


@dataclass(frozen=True, slots=True)
class ServiceInstance:
    """That a workload serves a port of a service: what makes an inbound listener.

    port: the service port. target_port: the port on the workload.
    """

    service: ServiceKey
    port: ServicePort
    target_port: int
