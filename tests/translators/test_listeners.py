"""Where captured sidecars, explicit ones and gateways listen, and which chain a connection gets."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from envoy_data_plane.envoy.config.core.v3 import TrafficDirection
from envoy_data_plane.envoy.config.listener.v3 import FilterChain, Listener
from envoy_data_plane.envoy.extensions.access_loggers.file.v3 import FileAccessLog
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpConnectionManager
from envoy_data_plane.envoy.extensions.filters.network.tcp_proxy.v3 import TcpProxyTunnelingConfig

from tests.translators import kit, static
from xds.model.gateways import (
    Gateway,
    HostSelector,
    IstioEgressListener,
    IstioIngressListener,
    OutboundTrafficMode,
    Port,
    Server,
    Sidecar,
    SidecarCaptureMode,
)
from xds.model.labels import Labels
from xds.model.mesh import Mesh
from xds.model.policy import (
    ConnectionPoolSettings,
    ConsistentHashLB,
    LoadBalancerSettings,
    TCPSettings,
    TrafficPolicy,
    TunnelProtocol,
    TunnelSettings,
)
from xds.model.proxy import Proxy
from xds.model.routing import Destination, L4MatchAttributes, L4Route, RouteDestination, VirtualService
from xds.model.services import Protocol, Service, ServiceInstance, ServicePort
from xds.model.settings import MeshSettings
from xds.resources import LISTENER

PLAIN_HTTP = ["http/1.0", "http/1.1", "h2c"]
REVIEWS = kit.service("reviews")
DATABASE = kit.service("database", kit.port(5432, Protocol.TCP))
ALL = (HostSelector("*", "*"),)


def at(service: Service, *addresses: str) -> Service:
    return replace(service, addresses=addresses)


def address(listener: Listener) -> tuple[str, int | None]:
    assert listener.address is not None
    assert listener.address.socket_address is not None
    return listener.address.socket_address.address, listener.address.socket_address.port_value


def cluster(chain: FilterChain | None) -> str | None:
    return static.tcp_proxy(chain).cluster


def route_name(manager: HttpConnectionManager) -> str:
    assert manager.rds is not None
    return manager.rds.route_config_name


def inspectors(listener: Listener) -> list[str]:
    return [item.name.rpartition(".")[2] for item in listener.listener_filters]


def matches(listener: Listener) -> list[dict[str, object]]:
    return [chain.filter_chain_match.to_dict() if chain.filter_chain_match else {} for chain in listener.filter_chains]


# Outbound, captured


@pytest.mark.parametrize(
    ("mode", "fallback"),
    [(OutboundTrafficMode.ALLOW_ANY, "PassthroughCluster"), (OutboundTrafficMode.REGISTRY_ONLY, "BlackHoleCluster")],
)
def test_virtual_outbound(mode: OutboundTrafficMode, fallback: str) -> None:
    listener = static.listeners_of(kit.mesh(settings=MeshSettings(outbound_traffic_policy=mode)))["virtualOutbound"]
    assert address(listener) == ("0.0.0.0", 15001)  # noqa: S104 - Istio's
    assert listener.use_original_dst is True
    assert listener.bind_to_port is None
    assert listener.traffic_direction is TrafficDirection.OUTBOUND
    assert cluster(listener.default_filter_chain) == fallback
    assert matches(listener) == [{"destinationPort": 15001}]
    assert cluster(listener.filter_chains[0]) == "BlackHoleCluster"


def test_services_share_the_listener_of_an_http_port() -> None:
    listeners = static.listeners_of(kit.mesh([at(REVIEWS, "10.0.0.1"), at(kit.service("ratings"), "10.0.0.2")]))
    assert set(listeners) == {"virtualOutbound", "0.0.0.0_80", "virtualInbound"}
    listener = listeners["0.0.0.0_80"]
    assert listener.bind_to_port is False
    manager = static.connection_manager(listener.filter_chains[0])
    assert (manager.stat_prefix, route_name(manager)) == ("outbound_0.0.0.0_80;", "80")
    assert manager.rds is not None
    assert manager.rds.config_source is not None
    assert manager.rds.config_source.ads is not None


def test_a_listener_refers_to_its_routes() -> None:
    references = {item.name: item.references for item in static.snapshot(kit.mesh([REVIEWS]))[LISTENER]}
    assert [reference.name for reference in references["0.0.0.0_80"]] == ["80"]


def test_what_is_not_http_on_an_http_port_passes() -> None:
    listener = static.listeners_of(kit.mesh([REVIEWS]))["0.0.0.0_80"]
    assert matches(listener) == [{"transportProtocol": "raw_buffer", "applicationProtocols": PLAIN_HTTP}]
    assert cluster(listener.default_filter_chain) == "PassthroughCluster"
    assert inspectors(listener) == ["tls_inspector", "http_inspector"]
    assert listener.continue_on_listener_filters_timeout


def test_tcp_is_told_apart_by_address() -> None:
    listeners = static.listeners_of(kit.mesh([at(DATABASE, "10.0.0.1", "2001:db8::1")]))
    assert address(listeners["10.0.0.1_5432"]) == ("10.0.0.1", 5432)
    assert "2001:db8::1_5432" in listeners
    assert cluster(listeners["10.0.0.1_5432"].filter_chains[0]) == f"outbound|5432||{DATABASE.hostname}"
    assert listeners["10.0.0.1_5432"].default_filter_chain is None
    assert inspectors(listeners["10.0.0.1_5432"]) == []


def test_tcp_without_address_has_the_whole_port() -> None:
    listener = static.listeners_of(kit.mesh([DATABASE]))["0.0.0.0_5432"]
    assert cluster(listener.filter_chains[0]) == f"outbound|5432||{DATABASE.hostname}"
    assert inspectors(listener) == []


def test_tcp_with_blocks_of_addresses() -> None:
    listener = static.listeners_of(kit.mesh([at(DATABASE, "10.1.0.0/16", "10.2.0.7/24")]))["0.0.0.0_5432"]
    assert matches(listener) == [
        {"prefixRanges": [{"addressPrefix": "10.1.0.0", "prefixLen": 16}]},
        {"prefixRanges": [{"addressPrefix": "10.2.0.0", "prefixLen": 24}]},
    ]
    assert cluster(listener.default_filter_chain) == "PassthroughCluster"


def test_tls_is_told_apart_by_server_name() -> None:
    services = [kit.service_entry(host, kit.port(443, Protocol.TLS)) for host in ("a.example.com", "*.example.org")]
    listener = static.listeners_of(kit.mesh(services))["0.0.0.0_443"]
    assert matches(listener) == [{"serverNames": ["*.example.org"]}, {"serverNames": ["a.example.com"]}]
    assert cluster(listener.filter_chains[1]) == "outbound|443||a.example.com"
    assert inspectors(listener) == ["tls_inspector"]


def test_http_and_tcp_on_one_port_are_told_apart_by_what_the_client_says() -> None:
    other = kit.service("raw", kit.port(80, Protocol.TCP))
    listener = static.listeners_of(kit.mesh([REVIEWS, other]))["0.0.0.0_80"]
    assert matches(listener) == [{"transportProtocol": "raw_buffer", "applicationProtocols": PLAIN_HTTP}]
    assert cluster(listener.default_filter_chain) == f"outbound|80||{other.hostname}"


def test_a_server_that_speaks_first_is_not_waited_for() -> None:
    mysql = kit.service("mysql", kit.port(80, Protocol.MYSQL), kit.port(3306, Protocol.MYSQL))
    listeners = static.listeners_of(kit.mesh([REVIEWS, mysql]))
    assert cluster(listeners["0.0.0.0_80"].default_filter_chain) == "PassthroughCluster"
    assert inspectors(listeners["0.0.0.0_3306"]) == []


def test_an_unknown_protocol_is_sniffed_on_the_services_own_address() -> None:
    queue = at(kit.service("queue", kit.port(9000, Protocol.UNSUPPORTED)), "10.0.0.9")
    listener = static.listeners_of(kit.mesh([queue]))["10.0.0.9_9000"]
    assert route_name(static.connection_manager(listener.filter_chains[0])) == f"{queue.hostname}:9000"
    assert cluster(listener.default_filter_chain) == f"outbound|9000||{queue.hostname}"


@pytest.mark.parametrize("subset", ["", "v1"])
def test_a_destination_rule_says_how_clients_are_spread_and_when_they_are_idle(subset: str) -> None:
    lb = LoadBalancerSettings(consistent_hash=ConsistentHashLB(use_source_ip=True))
    pool = ConnectionPoolSettings(tcp=TCPSettings(idle_timeout=timedelta(minutes=5)))
    policy = TrafficPolicy(load_balancer=lb, connection_pool=pool)
    rules = [kit.rule(DATABASE, policy, kit.subset("v1"))]
    routed = l4(DATABASE, tcp=(L4Route(0, kit.ORIGIN, route=to(DATABASE, v1=1)),))
    mesh = kit.mesh([DATABASE], rules=rules, virtual_services=[routed] if subset else [])
    proxy = static.tcp_proxy(static.listeners_of(mesh)["0.0.0.0_5432"].filter_chains[0])
    assert proxy.cluster == f"outbound|5432|{subset}|{DATABASE.hostname}"
    assert proxy.idle_timeout == timedelta(minutes=5)
    assert [item.source_ip is not None for item in proxy.hash_policy] == [True]


@pytest.mark.parametrize(
    ("settings", "hostname", "post"),
    [
        (TunnelSettings("a.example.com", 443), "a.example.com:443", False),
        (TunnelSettings("2001:db8::1", 443, TunnelProtocol.POST), "[2001:db8::1]:443", True),
    ],
)
def test_connections_go_through_a_tunnel(settings: TunnelSettings, hostname: str, post: bool) -> None:
    mesh = kit.mesh([DATABASE], rules=[kit.rule(DATABASE, TrafficPolicy(tunnel=settings))])
    proxy = static.tcp_proxy(static.listeners_of(mesh)["0.0.0.0_5432"].filter_chains[0])
    assert proxy.tunneling_config == TcpProxyTunnelingConfig(hostname=hostname, use_post=post)


def test_a_shared_connection_has_the_policy_of_the_first_service_and_of_no_subset() -> None:
    policy = TrafficPolicy(tunnel=TunnelSettings("a", 1))
    of_subset = kit.subset("v1", TrafficPolicy(tunnel=TunnelSettings("b", 2)))
    rule = L4Route(0, kit.ORIGIN, route=to(DATABASE, v1=80, v2=20))
    mesh = kit.mesh(
        [DATABASE], rules=[kit.rule(DATABASE, policy, of_subset)], virtual_services=[l4(DATABASE, tcp=(rule,))]
    )
    proxy = static.tcp_proxy(static.listeners_of(mesh)["0.0.0.0_5432"].filter_chains[0])
    assert proxy.tunneling_config == TcpProxyTunnelingConfig(hostname="a:1")


def test_tcp_to_a_headless_service_has_a_listener_for_each_pod() -> None:
    headless = replace(DATABASE, headless=True)
    pods = kit.endpoints(headless, "10.1.0.1", "10.1.0.2", "unix:///run/db.sock", number=5432)
    listeners = static.listeners_of(kit.mesh([headless], [pods]))
    assert set(listeners) == {"virtualOutbound", "10.1.0.1_5432", "10.1.0.2_5432", "virtualInbound"}
    assert cluster(listeners["10.1.0.1_5432"].filter_chains[0]) == f"outbound|5432||{headless.hostname}"


def l4(service: Service, *, tcp: tuple[L4Route, ...] = (), tls: tuple[L4Route, ...] = ()) -> VirtualService:
    return VirtualService(kit.meta("VirtualService", "l4"), (service.hostname,), tcp=tcp, tls=tls)


def to(service: Service, **weights: int) -> tuple[RouteDestination, ...]:
    return tuple(RouteDestination(Destination(service.hostname, subset), weight) for subset, weight in weights.items())


def test_tcp_routes_share_connections_out() -> None:
    rule = L4Route(0, kit.ORIGIN, route=to(DATABASE, v1=80, v2=20, v3=0))
    listener = static.listeners_of(kit.mesh([DATABASE], virtual_services=[l4(DATABASE, tcp=(rule,))]))["0.0.0.0_5432"]
    weighted = static.tcp_proxy(listener.filter_chains[0]).weighted_clusters
    assert weighted is not None
    assert [(item.name, item.weight) for item in weighted.clusters] == [
        (f"outbound|5432|v1|{DATABASE.hostname}", 80),
        (f"outbound|5432|v2|{DATABASE.hostname}", 20),
    ]


def test_tls_routes_go_by_server_name() -> None:
    service = kit.service_entry("a.example.com", kit.port(443, Protocol.TLS))
    rules = (
        L4Route(0, kit.ORIGIN, (L4MatchAttributes(sni_hosts=("a.example.com", "b.example.com")),), to(service, v1=100)),
        L4Route(1, kit.ORIGIN, (L4MatchAttributes(sni_hosts=("b.example.com",)),), to(service, v2=100)),
    )
    listener = static.listeners_of(kit.mesh([service], virtual_services=[l4(service, tls=rules)]))["0.0.0.0_443"]
    assert matches(listener) == [{"serverNames": ["a.example.com"]}, {"serverNames": ["b.example.com"]}]
    assert {cluster(chain) for chain in listener.filter_chains} == {"outbound|443|v1|a.example.com"}


def test_tcp_routes_by_subnet_port_and_label() -> None:
    rules = (
        L4Route(0, kit.ORIGIN, (L4MatchAttributes(port=1),), to(DATABASE, other_port=1)),
        L4Route(1, kit.ORIGIN, (L4MatchAttributes(source_labels=Labels({"app": "x"})),), to(DATABASE, other_label=1)),
        L4Route(2, kit.ORIGIN, (L4MatchAttributes(destination_subnets=("10.0.0.0/8",)),), to(DATABASE, subnet=1)),
        L4Route(3, kit.ORIGIN, (), to(DATABASE, rest=1)),
    )
    listener = static.listeners_of(kit.mesh([DATABASE], virtual_services=[l4(DATABASE, tcp=rules)]))["0.0.0.0_5432"]
    assert [cluster(chain) for chain in listener.filter_chains] == [f"outbound|5432|subnet|{DATABASE.hostname}"]
    assert cluster(listener.default_filter_chain) == f"outbound|5432|rest|{DATABASE.hostname}"


# Inbound


def inbound(*ports: ServicePort, sidecars: tuple[Sidecar, ...] = (), proxy: Proxy = kit.SIDECAR) -> dict[str, Listener]:
    service = kit.service("me", *ports)
    instances = tuple(ServiceInstance(service.key, port, port.number + 1000) for port in service.ports)
    mesh = kit.mesh([service], sidecars=sidecars, instances={proxy.ip_addresses[0]: instances})
    return {
        name: item
        for name, item in static.listeners_of(mesh, proxy).items()
        if item.traffic_direction is TrafficDirection.INBOUND
    }


def test_virtual_inbound_has_a_chain_for_each_port() -> None:
    listener = inbound(kit.http(80), kit.port(3306, Protocol.MYSQL))["virtualInbound"]
    assert address(listener) == ("0.0.0.0", 15006)  # noqa: S104 - Istio's
    assert inspectors(listener) == ["original_dst"]
    assert matches(listener) == [{"destinationPort": 15006}, {"destinationPort": 1080}, {"destinationPort": 4306}]
    assert cluster(listener.filter_chains[2]) == "inbound|4306||"
    assert cluster(listener.default_filter_chain) == "InboundPassthroughCluster"


def test_inbound_requests_go_to_the_workload() -> None:
    manager = static.connection_manager(inbound(kit.http(80))["virtualInbound"].filter_chains[1])
    assert (manager.stat_prefix, manager.server_name) == ("inbound_0.0.0.0_1080;", "istio-envoy")
    assert manager.route_config is not None
    assert (manager.route_config.name, manager.route_config.validate_clusters) == ("inbound|1080||", False)
    (host,) = manager.route_config.virtual_hosts
    assert (host.name, host.domains) == ("inbound|http|80", ["*"])
    action = host.routes[0].route
    assert action is not None
    assert action.cluster == "inbound|1080||"
    assert action.retry_policy is not None
    assert (action.retry_policy.retry_on, action.retry_policy.num_retries) == ("reset-before-request", 2)


def test_inbound_grpc_is_never_retried() -> None:
    manager = static.connection_manager(inbound(kit.port(80, Protocol.GRPC))["virtualInbound"].filter_chains[1])
    assert manager.route_config is not None
    action = manager.route_config.virtual_hosts[0].routes[0].route
    assert action is not None
    assert action.retry_policy is None


def test_an_undeclared_protocol_is_sniffed_on_its_port_alone() -> None:
    listener = inbound(kit.port(9000, Protocol.UNSUPPORTED), kit.port(3306, Protocol.MYSQL))["virtualInbound"]
    assert matches(listener)[2:] == [
        {"destinationPort": 10000, "transportProtocol": "raw_buffer", "applicationProtocols": PLAIN_HTTP},
        {"destinationPort": 10000, "transportProtocol": "raw_buffer"},
    ]
    assert inspectors(listener) == ["original_dst", "http_inspector"]
    disabled = listener.listener_filters[1].filter_disabled
    assert disabled is not None
    assert disabled.to_dict() == {"notMatch": {"destinationPortRange": {"start": 10000, "end": 10001}}}


def test_ingress_of_an_uncaptured_sidecar_binds_its_own_address() -> None:
    ingress = IstioIngressListener(Port(9080, Protocol.HTTP), "127.0.0.1:9081", kit.ORIGIN)
    sidecars = (Sidecar(kit.meta("Sidecar", "me"), ingress=(ingress,)),)
    listeners = inbound(sidecars=sidecars, proxy=kit.EXPLICIT)
    assert list(listeners) == ["127.9.9.9_9080"]
    assert address(listeners["127.9.9.9_9080"]) == ("127.9.9.9", 9080)
    manager = static.connection_manager(listeners["127.9.9.9_9080"].filter_chains[0])
    assert manager.route_config is not None
    assert manager.route_config.name == "inbound|9080||"


# Explicit and declared


def test_the_explicit_proxy_binds_the_proxys_own_address() -> None:
    listeners = static.listeners_of(kit.mesh([REVIEWS, DATABASE]), kit.EXPLICIT)
    assert list(listeners) == ["127.9.9.9_15080"]
    assert address(listeners["127.9.9.9_15080"]) == ("127.9.9.9", 15080)
    assert route_name(static.connection_manager(listeners["127.9.9.9_15080"].filter_chains[0])) == "http_proxy"


def test_the_mesh_says_where_the_explicit_proxy_listens() -> None:
    settings = MeshSettings(proxy_http_port=3128)
    assert "127.9.9.9_3128" in static.listeners_of(kit.mesh([REVIEWS], settings=settings), kit.EXPLICIT)
    assert "127.0.0.1_3128" in static.listeners_of(kit.mesh([REVIEWS], settings=settings))


def declared(number: int, protocol: Protocol, bind: str = "", capture: str = "DEFAULT") -> Mesh:
    egress = IstioEgressListener(ALL, kit.ORIGIN, Port(number, protocol), bind, SidecarCaptureMode(capture))
    return kit.mesh([REVIEWS, DATABASE], sidecars=[Sidecar(kit.meta("Sidecar", "default"), egress=(egress,))])


@pytest.mark.parametrize(
    ("proxy", "bind", "capture", "name", "binds"),
    [
        (kit.SIDECAR, "", "DEFAULT", "0.0.0.0_80", False),
        (kit.SIDECAR, "10.0.0.1", "DEFAULT", "10.0.0.1_80", False),
        (kit.SIDECAR, "", "NONE", "127.0.0.1_80", None),
        (kit.SIDECAR, "127.0.0.2", "NONE", "127.0.0.2_80", None),
        (kit.EXPLICIT, "", "DEFAULT", "127.9.9.9_80", None),
        (kit.EXPLICIT, "127.0.0.2", "DEFAULT", "127.0.0.2_80", None),
    ],
)
def test_where_a_declared_listener_binds(proxy: Proxy, bind: str, capture: str, name: str, binds: bool | None) -> None:
    listener = static.listeners_of(declared(80, Protocol.HTTP, bind, capture), proxy)[name]
    assert listener.bind_to_port is binds
    assert route_name(static.connection_manager(listener.filter_chains[0])) == "80"


def test_a_declared_tcp_listener_leads_to_the_service_of_that_port() -> None:
    listener = static.listeners_of(declared(5432, Protocol.TCP), kit.EXPLICIT)["127.9.9.9_5432"]
    assert cluster(listener.filter_chains[0]) == f"outbound|5432||{DATABASE.hostname}"


def test_no_two_listeners_are_on_one_address() -> None:
    egress = tuple(IstioEgressListener(ALL, kit.ORIGIN, port) for port in (Port(80, Protocol.HTTP), None))
    mesh = kit.mesh([REVIEWS], sidecars=[Sidecar(kit.meta("Sidecar", "default"), egress=egress)])
    assert sorted(static.listeners_of(mesh)) == ["0.0.0.0_80", "virtualInbound", "virtualOutbound"]


# Gateways


def gateway(name: str, *servers: Server) -> Gateway:
    return Gateway(kit.meta("Gateway", name), Labels(), servers)


def server(number: int, protocol: Protocol = Protocol.HTTP, bind: str = "") -> Server:
    return Server(Port(number, protocol), ALL, kit.ORIGIN, bind)


def test_gateways_share_the_listener_of_a_port() -> None:
    gateways = [gateway("a", server(80)), gateway("b", server(80), server(80, bind="127.0.0.5"))]
    listeners = static.listeners_of(kit.mesh(gateways=gateways), kit.GATEWAY)
    assert set(listeners) == {"0.0.0.0_80", "127.0.0.5_80"}
    listener = listeners["0.0.0.0_80"]
    manager = static.connection_manager(listener.filter_chains[0])
    assert (manager.use_remote_address, route_name(manager)) == (True, "http.80")
    assert listener.metadata is None, "a Gateway that joins or leaves must not change the listener"


def test_a_tcp_server_needs_a_route() -> None:
    rule = L4Route(0, kit.ORIGIN, route=to(DATABASE, v1=1))
    routed = replace(l4(DATABASE, tcp=(rule,)), hosts=("*",), gateways=("default/gw",))
    gateways = [gateway("gw", server(5432, Protocol.TCP))]
    assert static.listeners_of(kit.mesh([DATABASE], gateways=gateways), kit.GATEWAY) == {}
    mesh = kit.mesh([DATABASE], gateways=gateways, virtual_services=[routed])
    listener = static.listeners_of(mesh, kit.GATEWAY)["0.0.0.0_5432"]
    assert cluster(listener.filter_chains[0]) == f"outbound|5432|v1|{DATABASE.hostname}"


# Access log


@pytest.mark.parametrize("proxy", [kit.SIDECAR, kit.EXPLICIT, kit.GATEWAY])
def test_everything_is_logged_to_the_file_that_the_mesh_names(proxy: Proxy) -> None:
    settings = MeshSettings(access_log_file="/dev/stdout")
    mesh = kit.mesh([REVIEWS], gateways=[gateway("gw", server(80))], settings=settings)
    for listener in static.listeners_of(mesh, proxy).values():
        for chain in filter(None, (*listener.filter_chains, listener.default_filter_chain)):
            http = chain.filters[-1].name.endswith("http_connection_manager")
            (log,) = static.connection_manager(chain).access_log if http else static.tcp_proxy(chain).access_log
            assert log.typed_config is not None
            assert FileAccessLog.parse(log.typed_config.value).path == "/dev/stdout"


def test_without_a_file_nothing_is_logged() -> None:
    listener = static.listeners_of(kit.mesh([REVIEWS]))["0.0.0.0_80"]
    assert static.connection_manager(listener.filter_chains[0]).access_log == []
