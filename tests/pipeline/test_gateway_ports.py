"""Which servers of several Gateways run on the ports of one proxy."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.translators import kit
from xds.model.gateway_ports import ConflictKind, PlacedServer, PortPlan, plan_ports
from xds.model.gateways import Gateway, HostSelector, Port, Server, Transport
from xds.model.labels import Labels
from xds.model.server_tls import ServerTLSMode, ServerTLSSettings
from xds.model.services import Protocol, ServiceInstance, ServicePort
from xds.pipeline.servers import listening_port

SIMPLE = ServerTLSSettings(ServerTLSMode.SIMPLE, credential_names=("a",))
MUTUAL = ServerTLSSettings(ServerTLSMode.MUTUAL, credential_names=("a",))
PASSTHROUGH = ServerTLSSettings()
AUTOMATIC = ServerTLSSettings(ServerTLSMode.AUTO_PASSTHROUGH)


def server(
    protocol: Protocol, *hosts: str, tls: ServerTLSSettings | None = None, number: int = 443, bind: str = ""
) -> Server:
    selectors = tuple(HostSelector("*", host) for host in hosts or ("*",))
    return Server(Port(number, protocol), selectors, kit.ORIGIN, bind, tls=tls)


def plan(*servers: Server) -> PortPlan:
    """Of Gateways with one server each, the oldest first."""
    gateways = [Gateway(kit.meta("Gateway", f"gw{i}"), Labels(), (each,)) for i, each in enumerate(servers)]
    return plan_ports(PlacedServer(gw, gw.servers[0], gw.servers[0].port.number) for gw in gateways)


def names(found: PortPlan) -> list[tuple[str, tuple[str, ...]]]:
    return [(each.gateway.meta.name, each.server_names) for port in found.ports for each in port.servers]


def test_server_names_unite_and_the_oldest_has_those_that_two_have() -> None:
    found = plan(
        server(Protocol.HTTPS, "a", "b", tls=SIMPLE),
        server(Protocol.TLS, "b", "c", tls=PASSTHROUGH),
        server(Protocol.HTTPS, "a", tls=SIMPLE),
    )
    assert names(found) == [("gw0", ("a", "b")), ("gw1", ("c",))]
    told = [
        (each.kind, each.loser.gateway.meta.name, each.winner.gateway.meta.name, each.names) for each in found.conflicts
    ]
    assert told == [(ConflictKind.NAMES, "gw1", "gw0", ("b",)), (ConflictKind.NAMES, "gw2", "gw0", ("a",))]


def test_names_of_automatic_servers_clash_with_none_but_their_own() -> None:
    found = plan(
        server(Protocol.TLS, "*.local", tls=PASSTHROUGH),
        server(Protocol.TLS, "*.local", tls=AUTOMATIC),
        server(Protocol.TLS, "*.local", tls=AUTOMATIC),
    )
    assert [name for name, _ in names(found)] == ["gw0", "gw1"]


def test_plain_http_shares_a_port_whatever_its_version_and_host() -> None:
    found = plan(server(Protocol.HTTP, "a"), server(Protocol.GRPC, "a"), server(Protocol.HTTP2))
    assert (len(names(found)), found.conflicts) == (3, ())


def test_tcp_shares_a_port_with_nothing() -> None:
    for one, other in ((Protocol.HTTP, Protocol.TCP), (Protocol.TCP, Protocol.HTTP), (Protocol.TCP, Protocol.MONGO)):
        found = plan(server(one), server(other))
        assert [name for name, _ in names(found)] == ["gw0"]
        assert [each.kind for each in found.conflicts] == [ConflictKind.TRANSPORT]


def test_another_address_is_another_port_and_hides_it_from_servers_on_every_address() -> None:
    found = plan(server(Protocol.TCP), server(Protocol.HTTPS, "a", tls=SIMPLE, bind="10.0.0.1"))
    assert [(port.number, port.bind) for port in found.ports] == [(443, ""), (443, "10.0.0.1")]
    assert [(each.kind, each.loser.gateway.meta.name) for each in found.conflicts] == [(ConflictKind.ADDRESS, "gw0")]


def test_http3_never_leads_past_a_server_that_does_not_speak_it() -> None:
    servers = (
        server(Protocol.HTTPS, "*.example.com", tls=SIMPLE),
        server(Protocol.HTTPS, "b.example.com", tls=MUTUAL),
        server(Protocol.HTTPS, "c.example.org", tls=SIMPLE),
    )
    gateway = Gateway(kit.meta("Gateway", "gw"), Labels(), servers)
    placed = (PlacedServer(gateway, each, 443, http3=each.may_speak_http3) for each in servers)
    (port,) = plan_ports(placed).ports
    assert [each.placed.http3 for each in port.servers] == [False, False, True]


_PROTOCOLS = st.sampled_from(
    [(Protocol.HTTP, None), (Protocol.TCP, None), (Protocol.HTTPS, SIMPLE), (Protocol.TLS, PASSTHROUGH)]
)
_SERVERS = st.builds(
    lambda spoken, hosts, number, bind: server(spoken[0], *hosts, tls=spoken[1], number=number, bind=bind),
    _PROTOCOLS,
    st.lists(st.sampled_from(["a", "b", "*.c", "*"]), min_size=1, max_size=3),
    st.sampled_from([80, 443]),
    st.sampled_from(["", "10.0.0.1"]),
)


@given(st.lists(_SERVERS, max_size=8))
def test_every_plan_is_one_that_envoy_can_listen_with_and_accounts_for_every_server(servers: list[Server]) -> None:
    found = plan(*servers)
    for port in found.ports:
        transports = [each.server.transport for each in port.servers]
        assert set(transports) == {port.transport}
        assert port.transport is not Transport.TCP or len(transports) == 1
        claimed = [name for each in port.servers for name in each.server_names]
        assert len(claimed) == len(set(claimed)), "two filter chains for one server name"
    running = {name for name, _ in names(found)}
    standing_back = {each.loser.gateway.meta.name for each in found.conflicts}
    assert running | standing_back == {f"gw{index}" for index in range(len(servers))}
    firsts = {(each.port.number, each.bind): f"gw{index}" for index, each in reversed(list(enumerate(servers)))}
    assert running.issuperset(firsts.values()), "the oldest of a port always runs"


def test_a_server_names_the_port_of_the_service_that_leads_to_the_proxy() -> None:
    service = kit.service("ingress").key
    instance = ServiceInstance(service, ServicePort(443, "https", Protocol.HTTPS), 8443)
    assert listening_port(443, (instance,)) == 8443
    assert listening_port(80, (instance,)) == 80
