"""Gateway: servers, hosts and what is left out."""

from __future__ import annotations

import pytest

from tests.config.kinds.istio import accepted, refused, warned
from xds.config.kinds.gateway import KIND
from xds.model.gateways import HostSelector, Port, Server
from xds.model.labels import Labels
from xds.model.objects import Origin
from xds.model.services import Protocol


def server(hosts: str = "['*']", port: str = "{number: 80, name: http, protocol: HTTP}") -> str:
    return f"servers:\n- port: {port}\n  hosts: {hosts}"


def test_reads_a_gateway() -> None:
    found = accepted(
        KIND,
        """\
        selector: {istio: ingressgateway}
        servers:
        - name: web
          port: {number: 80, name: http, protocol: HTTP}
          hosts: [bookinfo.example.com]
        - port: {number: 8080, name: grpc, protocol: grpc}
          bind: 127.0.0.9
          hosts: ["*"]
        """,
    )
    assert found.ref == "bookinfo/it"
    assert found.selector == Labels({"istio": "ingressgateway"})
    assert found.servers == (
        Server(
            port=Port(80, Protocol.HTTP, "http"),
            hosts=(HostSelector("*", "bookinfo.example.com"),),
            origin=Origin("it.yaml", 7),
            name="web",
        ),
        Server(
            port=Port(8080, Protocol.GRPC, "grpc"),
            hosts=(HostSelector("*", "*"),),
            origin=Origin("it.yaml", 10),
            bind="127.0.0.9",
            index=1,
        ),
    )


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("A.example.com", HostSelector("*", "a.example.com")),
        ("shop/a.example.com", HostSelector("shop", "a.example.com")),
        ("./*.example.com", HostSelector("bookinfo", "*.example.com")),
        ("'*/*'", HostSelector("*", "*")),
    ],
)
def test_reads_the_namespaces_of_hosts(written: str, expected: HostSelector) -> None:
    assert accepted(KIND, server(f"[{written}]")).servers[0].hosts == (expected,)


@pytest.mark.parametrize("written", ["~/a", "A_b/c", "a/b/c", "'a b'"])
def test_refuses_wrong_hosts(written: str) -> None:
    assert refused(KIND, server(f"[{written}]")) == [(3, "spec.servers[0].hosts[0]")]


@pytest.mark.parametrize("protocol", ["HTTP", "http2", "grpc-web", "tcp", "MONGO", "MySQL", "redis"])
def test_reads_every_protocol_without_tls(protocol: str) -> None:
    found = accepted(KIND, server(port=f"{{number: 443, name: x, protocol: {protocol}}}"))
    assert found.servers[0].port.protocol.value.lower() == protocol.lower()


@pytest.mark.parametrize(
    "port",
    ["{number: 53, name: x, protocol: UDP}", "{number: 80, name: x, protocol: HTTP, targetPort: 8080}"],
    ids=["UDP", "targetPort"],
)
def test_refuses_what_gateways_do_not_have(port: str) -> None:
    assert [line for line, _ in refused(KIND, server(port=port))][-1] == 2


def test_warns_of_a_second_server_of_a_name() -> None:
    one = "- name: web\n  port: {{number: {}, name: {}, protocol: HTTP}}\n  hosts: ['*']\n"
    _, said = warned(KIND, "servers:\n" + one.format(80, "a") + one.format(81, "b"))
    assert said == [(5, "spec.servers[1].name", "duplicate")]


def test_refuses_wrong_servers() -> None:
    text = """\
        servers:
        - port: {number: 0, name: a, protocol: HTTP}
          hosts: ["*"]
        - port: {number: 70000, name: b, protocol: HTTP}
          hosts: ["*"]
        - port: {number: 80, name: c, protocol: SMTP}
          hosts: ["*"]
        - port: {number: 80, name: c, protocol: HTTP}
          hosts: []
          bind: everywhere
        """
    assert sorted(refused(KIND, text)) == [
        (2, "spec.servers[0].port.number"),
        (4, "spec.servers[1].port.number"),
        (6, "spec.servers[2].port.protocol"),
        (8, "spec.servers[3].port.name"),
        (9, "spec.servers[3].hosts"),
        (10, "spec.servers[3].bind"),
    ]


def test_needs_a_server() -> None:
    assert refused(KIND, "selector: {a: b}") == [(0, "spec.servers")]
