"""What one proxy may see of the Mesh, and nothing else: the input of every translator.

Proxies whose `ViewKey` is equal share one `ProxyView` and therefore one set of resources. All parts compare by
identity: a part that is the same object as in the previous view means the same, so translators memoise on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from xds.model.authorization import AuthorizationPolicy, Authorizer
from xds.model.credentials import NO_CREDENTIALS, Credentials
from xds.model.envoy_filters import ConfigPatch, ProxyCondition
from xds.model.extensions import ProxyExtension
from xds.model.gateway_ports import ListeningPort, RunningServer
from xds.model.gateways import Gateway, OutboundTrafficMode, Port, Server, Sidecar, Transport
from xds.model.hosts import host_matches
from xds.model.labels import Labels
from xds.model.objects import ObjectKey, ObjectMeta
from xds.model.peer_authentication import PeerModes, PeerPolicies
from xds.model.policy import ConnectionPoolSettings, Subset, TrafficPolicy
from xds.model.proxy import CaptureMode, IpVersions, ProxyType
from xds.model.proxy_settings import ProxyOverride
from xds.model.request_authentication import ProxyJwtRule
from xds.model.routing import Destination, VirtualService
from xds.model.server_tls import ServerTLSSettings
from xds.model.services import Locality, Service, ServiceEndpoints, ServiceInstance, ServiceKey, ServicePort
from xds.model.settings import MeshSettings
from xds.model.sharded import Sharded


@dataclass(frozen=True, slots=True)
class ViewKey:
    """Every property of a proxy that its resources depend on.

    bind_ip: the proxy's own address in capture mode NONE, where listeners bind it; empty otherwise, so that the pods
    of a deployment share a view. instances: what the proxy serves. locality: of the proxy; unknown if
    nothing that it may see depends on it. network: of the proxy. proxyless: a gRPC client, not an Envoy.
    self_discovery: it asks where the instances of its own service are. automatic: of which IP versions hosts without an
    address have automatic ones: those of a proxy whose workload can resolve them. conditions: what EnvoyFilters ask of
    it, and it has. override: what its workload says of it. overheard: others could read what it is sent. mtls: whether
    it has proven an identity, and so has a certificate for others to see. ipv6: whether it has an address of IPv6.
    from_agent: the certificate comes from an agent beside it.
    """

    type: ProxyType
    namespace: str
    dns_domain: str
    labels: Labels
    capture: CaptureMode
    bind_ip: str
    instances: tuple[ServiceInstance, ...]
    locality: Locality
    network: str
    proxyless: bool = False
    self_discovery: bool = False
    automatic: IpVersions = IpVersions.NONE
    conditions: tuple[ProxyCondition, ...] = ()
    override: ProxyOverride | None = None
    overheard: bool = False
    mtls: bool = False
    ipv6: bool = False
    from_agent: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class EffectiveRule:
    """The DestinationRules that hold for one service as this client sees it, merged.

    sources: the rules that took part, the one whose top-level policy holds first; there may be none. selective: that
    one names the workloads that it is for. baseline: the mesh's policy, for what no rule says.
    """

    traffic_policy: TrafficPolicy | None
    subsets: tuple[Subset, ...]
    sources: tuple[ObjectMeta, ...]
    selective: bool = False
    baseline: TrafficPolicy | None = None


@dataclass(frozen=True, slots=True, eq=False)
class VisibleService:
    """A service this proxy may call, with the rule that holds for it."""

    service: Service
    rule: EffectiveRule | None


@dataclass(frozen=True, slots=True, eq=False)
class RoutedHosts:
    """The VirtualService in force for each host that one names. Sidecars never merge: the oldest has the host.

    wildcard: pairs of host and VirtualService, the longest host first.
    """

    exact: Mapping[str, VirtualService]
    wildcard: tuple[tuple[str, VirtualService], ...] = ()

    def find_all(self, hostnames: Iterable[str]) -> Iterator[VirtualService | None]:
        """`find` for many: without wildcards, as is usual, at the speed of look-ups."""
        return map(self.find if self.wildcard else self.exact.get, hostnames)

    def find(self, hostname: str) -> VirtualService | None:
        """The VirtualService that routes requests to this host: by exact host, or else by the longest wildcard."""
        found = self.exact.get(hostname)
        if found is not None:
            return found
        return next((vs for host, vs in self.wildcard if host_matches(host, hostname)), None)


@dataclass(frozen=True, slots=True, eq=False)
class EgressListener:
    """One group of outbound services: a Sidecar egress listener, or the implicit one that has everything.

    services: those that can be called by their own names here. targets: these, and what the VirtualServices send
    traffic to; the same object if that is nothing more. routed: the VirtualServices in force here, narrowed to what
    this proxy may see. port None: the catch-all, one listener for each port of its services (capture REDIRECT) or the
    HTTP proxy (capture NONE).
    """

    services: tuple[VisibleService, ...]
    targets: tuple[VisibleService, ...]
    routed: RoutedHosts
    port: Port | None = None
    bind: str = ""
    captured: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class InboundListener:
    """One port on which this proxy receives traffic for its workload.

    service_port: the service port that leads here, or the Sidecar ingress listener's. target_port: the port on the
    workload. default_endpoint: ``host:port`` or ``unix:///path`` where the workload listens, empty for the address
    that the client dialled. bind: empty for the virtual inbound listener of capture mode REDIRECT. pool: what the
    Sidecar says of connections to the workload; rule: what holds for the service if it says nothing. tls: what the
    proxy ends; the protocol of service_port is what is left then. declared: the Sidecar, and which of its ingress
    listeners this is.
    """

    service: Service | None
    service_port: ServicePort
    target_port: int
    default_endpoint: str = ""
    bind: str = ""
    declared: tuple[ObjectKey, int] | None = None
    pool: ConnectionPoolSettings | None = None
    rule: EffectiveRule | None = None
    tls: ServerTLSSettings | None = None


@dataclass(frozen=True, slots=True, eq=False)
class GatewayServer:
    """A Server that this gateway proxy runs, with the VirtualServices bound to its gateway, oldest first.

    running: stays the same object until a Gateway changes. exposed: by VirtualService, the hosts of it that are.
    """

    running: RunningServer
    virtual_services: tuple[VirtualService, ...]
    exposed: tuple[tuple[str, ...], ...]

    @property
    def gateway(self) -> Gateway:
        return self.running.gateway

    @property
    def server(self) -> Server:
        return self.running.server


@dataclass(frozen=True, slots=True, eq=False)
class GatewayPort:
    """All servers that share a port and bind address of a gateway proxy: at least one.

    listening: stays the same object until a Gateway changes. number: where the proxy listens, which may be another port
    than the servers say. bind: empty for every address.
    """

    listening: ListeningPort
    servers: tuple[GatewayServer, ...]

    @property
    def number(self) -> int:
        return self.listening.number

    @property
    def bind(self) -> str:
        return self.listening.bind

    @property
    def transport(self) -> Transport:
        """What all the servers have in common."""
        return self.listening.transport


@dataclass(frozen=True, slots=True, eq=False)
class ProxyView:
    """Everything a translator may know about a proxy.

    digest: equal views have equal digests (16 hex characters). settings: with what the workload says of its proxy.
    services: all targets of all egress listeners, each
    once, ordered by key. endpoints: of the whole mesh; ask for those of ``services`` only. sidecar: the Sidecar in
    force, if any. outbound_traffic_policy: the Sidecar's, or else the mesh's. credentials: those that the proxy may
    have, which are those that its configuration asks for, of its own namespace. extensions: by phase, then as they are
    to stand, the first to see a request first. patches: of EnvoyFilters, in the order in which they are applied.
    mtls: which connections the workload of a sidecar accepts, port by port; None if the proxy has no identity.
    unencrypted: what says which endpoints are spoken to in plain text although they have a proxy; None if nothing does.
    jwt_rules: which tokens of requests are verified, by issuer.
    authorization: the policies for it, the root namespace's first, each namespace's oldest first. authorizers: who is
    asked by those with the action CUSTOM.
    """

    digest: str
    key: ViewKey
    settings: MeshSettings
    services: tuple[VisibleService, ...]
    endpoints: Sharded[ServiceKey, ServiceEndpoints]
    egress: tuple[EgressListener, ...]
    inbound: tuple[InboundListener, ...]
    gateway: tuple[GatewayPort, ...]
    outbound_traffic_policy: OutboundTrafficMode
    sidecar: Sidecar | None = None
    credentials: Credentials = NO_CREDENTIALS
    extensions: tuple[ProxyExtension, ...] = ()
    patches: tuple[ConfigPatch, ...] = ()
    mtls: PeerModes | None = None
    unencrypted: PeerPolicies | None = None
    jwt_rules: tuple[ProxyJwtRule, ...] = ()
    authorization: tuple[AuthorizationPolicy, ...] = ()
    authorizers: tuple[Authorizer, ...] = ()
    _unpopulated: ProxyView | None = field(default=None, repr=False)

    @property
    def egress_proxy(self) -> Destination | None:
        """Where traffic for hosts that the mesh does not know goes, if the Sidecar names a place."""
        return self.sidecar.egress_proxy if self.sidecar is not None else None

    @property
    def without_endpoints(self) -> ProxyView:
        """This view of a mesh without endpoints. It stays the same object until something else changes, so whoever
        does not ask for endpoints does well to remember all results by it."""
        return self._unpopulated or self

    def with_endpoints(self, endpoints: Sharded[ServiceKey, ServiceEndpoints]) -> ProxyView:
        """This view, which has no endpoints, with these."""
        return replace(self, endpoints=endpoints, _unpopulated=self)
