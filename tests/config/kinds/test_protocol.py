"""Protocol selection."""

from __future__ import annotations

import pytest

from xds.config.kinds.protocol import protocol_from_port, protocol_of
from xds.model.services import Protocol


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("HTTP", Protocol.HTTP),
        ("grpc-web", Protocol.GRPC_WEB),
        ("GRPC-Web", Protocol.GRPC_WEB),
        ("mongo", Protocol.MONGO),
        ("udp", Protocol.UDP),
        ("", Protocol.UNSUPPORTED),
        ("UnsupportedProtocol", Protocol.UNSUPPORTED),
        ("smtp", Protocol.UNSUPPORTED),
    ],
)
def test_names(name: str, expected: Protocol) -> None:
    assert protocol_of(name) is expected


@pytest.mark.parametrize(
    ("app_protocol", "port_name", "expected"),
    [
        (None, "http", Protocol.HTTP),
        (None, "http-web", Protocol.HTTP),
        (None, "HTTP2-web", Protocol.HTTP2),
        (None, "https-web", Protocol.HTTPS),
        (None, "grpc-web", Protocol.GRPC_WEB),
        (None, "grpc-web-ui", Protocol.GRPC_WEB),
        (None, "grpc-ui", Protocol.GRPC),
        (None, "httpweb", Protocol.UNSUPPORTED),
        (None, "web-http", Protocol.UNSUPPORTED),
        (None, "", Protocol.UNSUPPORTED),
        ("tcp", "http", Protocol.TCP),
        ("kubernetes.io/h2c", "tcp", Protocol.HTTP2),
        ("kubernetes.io/ws", "tcp", Protocol.HTTP),
        ("kubernetes.io/wss", "tcp", Protocol.HTTPS),
        ("example.com/own", "http", Protocol.UNSUPPORTED),
    ],
)
def test_app_protocol_then_the_prefix_of_the_name(app_protocol: str | None, port_name: str, expected: Protocol) -> None:
    assert protocol_from_port(app_protocol, port_name, number=80) is expected


@pytest.mark.parametrize("number", [25, 53, 3306, 27017])
def test_ports_whose_server_speaks_first_are_not_sniffed(number: int) -> None:
    assert protocol_from_port(None, "data", number=number) is Protocol.TCP
    assert protocol_from_port(None, "mysql", number=number) is Protocol.MYSQL


def test_udp_is_udp_whatever_its_name() -> None:
    assert protocol_from_port("http", "http", number=53, transport="UDP") is Protocol.UDP
