"""Which listener a connection gets, and which of its filter chains."""

from __future__ import annotations

import pytest
from envoy_data_plane.envoy.config.core.v3 import Address, CidrRange, SocketAddress
from envoy_data_plane.envoy.config.listener.v3 import (
    AdditionalAddress,
    FilterChain,
    FilterChainMatch,
    FilterChainMatchConnectionSourceType,
    Listener,
)

from translators.listener.address import EVERY_ADDRESS
from translators.listener.sniffing import http_inspector, tls_inspector
from xds.explain.filter_chain import find_chain
from xds.explain.listener import Bound, UndecidedError, bound_listeners, captured, dialled, inspected
from xds.explain.request import PLAIN, TLS, Connection
from xds.resources import LISTENER, Resource
from xds.wire.encode import encode

LOCAL = FilterChainMatchConnectionSourceType.SAME_IP_OR_LOOPBACK


def chosen(connection: Connection, *chains: tuple[str, FilterChainMatch | None], default: bool = True) -> str | None:
    listener = Listener(
        filter_chains=[FilterChain(name=name, filter_chain_match=match) for name, match in chains],
        default_filter_chain=FilterChain(name="default") if default else None,
    )
    found = find_chain(listener, connection)
    return found.name if found is not None else None


def cidr(prefix: str, length: int) -> CidrRange:
    return CidrRange(address_prefix=prefix, prefix_len=length)


AT = Connection("10.0.0.1", 80)
ANY = ("any", None)
PORT = ("port", FilterChainMatch(destination_port=80))
ONE = ("one", FilterChainMatch(prefix_ranges=[cidr("10.0.0.1", 32)]))
WIDE = ("wide", FilterChainMatch(prefix_ranges=[cidr("10.0.0.0", 8)]))


@pytest.mark.parametrize(
    ("chains", "expected"),
    [
        ((ANY,), "any"),
        ((ANY, PORT), "port"),
        ((ANY, WIDE, ONE), "one"),
        ((ANY, WIDE), "wide"),
        ((WIDE, PORT), "port"),
        ((ANY, ("p", FilterChainMatch(destination_port=80, prefix_ranges=[cidr("11.0.0.0", 8)]))), "default"),
        ((ANY, ("p", FilterChainMatch(destination_port=81))), "any"),
        ((WIDE, ("o", FilterChainMatch(prefix_ranges=[cidr("10.0.0.1", 32)], server_names=["a"]))), "default"),
        ((("p", FilterChainMatch(destination_port=81)),), "default"),
    ],
)
def test_ports_and_addresses(chains: tuple[tuple[str, FilterChainMatch | None], ...], expected: str) -> None:
    assert chosen(AT, *chains) == expected


@pytest.mark.parametrize(
    ("server_name", "expected"),
    [
        ("a.example.com", "exact"),
        ("b.example.com", "wildcard"),
        ("c.b.example.com", "narrow"),
        ("example.com", "any"),
        ("", "any"),
    ],
)
def test_server_names(server_name: str, expected: str) -> None:
    chains = (
        ANY,
        ("wildcard", FilterChainMatch(server_names=["*.example.com"])),
        ("narrow", FilterChainMatch(server_names=["*.b.example.com"])),
        ("exact", FilterChainMatch(server_names=["a.example.com"])),
    )

    assert chosen(Connection("10.0.0.1", 443, TLS, server_name), *chains) == expected


def test_a_server_name_without_the_right_protocol_leads_to_the_default_and_not_back() -> None:
    chains = (ANY, ("named", FilterChainMatch(server_names=["a"], application_protocols=["h2"])))

    assert chosen(Connection("10.0.0.1", 443, TLS, "a", ("http/1.1",)), *chains) == "default"


def test_the_transport_and_the_first_protocol_that_a_chain_names() -> None:
    chains = (
        ("raw", FilterChainMatch(transport_protocol=PLAIN)),
        ("http", FilterChainMatch(transport_protocol=PLAIN, application_protocols=["http/1.1", "h2c"])),
        ("h2", FilterChainMatch(transport_protocol=TLS, application_protocols=["h2"])),
        ("alpn", FilterChainMatch(transport_protocol=TLS, application_protocols=["http/1.1"])),
    )
    found = [
        chosen(Connection("10.0.0.1", 80, transport, "", protocols), *chains)
        for transport, protocols in (
            (PLAIN, ("http/1.1",)),
            (PLAIN, ()),
            (TLS, ("http/1.1", "h2")),
            (TLS, ("h2", "http/1.1")),
            (TLS, ()),
        )
    ]

    assert found == ["http", "raw", "alpn", "h2", "default"]


@pytest.mark.parametrize(
    ("source", "expected"), [("10.0.0.1", "local"), ("127.0.0.1", "local"), ("10.1.0.1", "block"), ("11.0.0.1", "any")]
)
def test_sources(source: str, expected: str) -> None:
    chains = (
        ANY,
        ("local", FilterChainMatch(source_type=LOCAL)),
        ("block", FilterChainMatch(source_prefix_ranges=[cidr("10.1.0.0", 16)])),
    )

    assert chosen(Connection("10.0.0.1", 80, source=source), *chains) == expected


def test_source_ports() -> None:
    chains = (ANY, ("port", FilterChainMatch(source_ports=[7])))

    assert [chosen(Connection("10.0.0.1", 80, source_port=port), *chains) for port in (7, 8)] == ["port", "any"]


def test_without_a_default_chain_there_may_be_none() -> None:
    assert chosen(AT, ("p", FilterChainMatch(destination_port=81)), default=False) is None


def listening(name: str, address: str, port: int, *, bound: bool = True, entry: bool = False) -> Resource:
    message = Listener(
        name=name,
        address=Address(socket_address=SocketAddress(address=address, port_value=port)),
        bind_to_port=None if bound else False,
        use_original_dst=entry or None,
    )
    return Resource.of(LISTENER, name, encode(message))


LISTENERS = bound_listeners(
    [
        listening("entry", EVERY_ADDRESS, 15001, entry=True),
        listening("service", "10.96.0.1", 80, bound=False),
        listening("http", EVERY_ADDRESS, 80, bound=False),
        listening("proxy", "127.0.0.1", 15080),
        listening("front", "10.0.0.1", 8080),
        listening("back", "10.0.0.2", 8080),
    ]
)


def on_both(name: str, port: int) -> Resource:
    message = Listener(
        name=name,
        address=Address(socket_address=SocketAddress(address=EVERY_ADDRESS, port_value=port)),
        additional_addresses=[
            AdditionalAddress(address=Address(socket_address=SocketAddress(address="::", port_value=port)))
        ],
    )
    return Resource.of(LISTENER, name, encode(message))


def name(found: tuple[Bound, str] | None) -> str | None:
    return found[0].resource.name if found is not None else None


@pytest.mark.parametrize(
    ("address", "port", "expected"),
    [
        ("10.96.0.1", 80, "service"),
        ("10.96.0.2", 80, "http"),
        ("", 80, "http"),
        ("10.96.0.1", 81, "entry"),
        ("::1", 80, "entry"),
    ],
)
def test_a_redirected_connection_goes_to_the_listener_of_its_destination(
    address: str, port: int, expected: str
) -> None:
    assert name(captured(LISTENERS, Connection(address, port))) == expected


def test_nothing_is_captured_without_a_listener_for_it() -> None:
    assert captured(LISTENERS[1:], Connection("10.96.0.1", 80)) is None


@pytest.mark.parametrize(
    ("address", "port", "expected"),
    [
        ("10.0.0.1", 8080, "front"),
        ("10.0.0.3", 8080, None),
        ("10.96.0.1", 80, None),
        ("", 15080, "proxy"),
        ("127.0.0.1", 15001, "entry"),
        ("", 1, None),
    ],
)
def test_a_client_dials_listeners_that_are_bound(address: str, port: int, expected: str | None) -> None:
    assert name(dialled(LISTENERS, Connection(address, port))) == expected


def test_a_port_of_several_addresses_has_to_be_decided() -> None:
    with pytest.raises(UndecidedError) as error:
        dialled(LISTENERS, Connection("", 8080))

    assert error.value.names == ("front (10.0.0.1:8080)", "back (10.0.0.2:8080)")


@pytest.mark.parametrize(
    ("port", "transport", "seen"),
    [
        (80, PLAIN, (PLAIN, "", ("http/1.1",))),
        (81, PLAIN, (PLAIN, "", ())),
        (80, TLS, (TLS, "a", ("http/1.1",))),
    ],
)
def test_inspectors_see_what_they_look_at(port: int, transport: str, seen: tuple[str, str, tuple[str, ...]]) -> None:
    listener = Listener(listener_filters=[tls_inspector(), http_inspector([80, 90])])
    connection = inspected(listener, Connection("10.0.0.1", port, transport, "A" * (transport == TLS), ("http/1.1",)))

    assert (connection.transport, connection.server_name, connection.protocols) == seen


def test_without_an_inspector_tls_looks_like_anything_else() -> None:
    connection = inspected(Listener(), Connection("10.0.0.1", 443, TLS, "a", ("h2",)))

    assert (connection.transport, connection.server_name, connection.protocols) == (PLAIN, "", ())


@pytest.mark.parametrize("address", ["10.0.0.9", "fd00::9", ""])
def test_a_listener_of_both_versions_takes_connections_of_both(address: str) -> None:
    assert name(dialled(bound_listeners([on_both("both", 80)]), Connection(address, 80))) == "both"
