"""What Gateways say against each other, told where both are written."""

from __future__ import annotations

from tests.config.folder import Folder


def gateway(name: str, *servers: str, selector: str = "{istio: ingress}", created: str = "2020") -> str:
    listed = "\n".join(f"          - {each}" for each in servers)
    return f"""\
        apiVersion: networking.istio.io/v1
        kind: Gateway
        metadata: {{name: {name}, creationTimestamp: "{created}-01-01T00:00:00Z"}}
        spec:
          selector: {selector}
          servers:
{listed}
        """


HTTP = "{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}"
TCP = "{port: {number: 80, name: tcp, protocol: TCP}, hosts: ['*']}"
TLS = "{port: {number: 443, name: tls, protocol: TLS}, hosts: [a.example.com, b.example.com], tls: {mode: PASSTHROUGH}}"


def told(folder: Folder) -> list[str]:
    return [str(each) for each in folder.configuration.diagnostics]


def test_servers_that_cannot_share_a_port() -> None:
    folder = Folder().write(a=gateway("a", HTTP), b=gateway("b", TCP, created="2021"))
    (finding,) = told(folder)
    assert finding.startswith("warning  b.yaml:7  Gateway/b.default  spec.servers[0]: port 80 of spec.servers[0] of ")
    assert "Gateway/a.default at a.yaml:7" in finding
    assert told(folder.write(b=None)) == []


def test_server_names_that_two_have() -> None:
    folder = Folder().write(a=gateway("a", TLS, created="2021"), b=gateway("b", TLS))
    (finding,) = told(folder)
    assert finding.startswith("warning  a.yaml:7  Gateway/a.default  spec.servers[0]: ")
    assert "spec.servers[0] of Gateway/b.default at b.yaml:7 has a.example.com, b.example.com" in finding


def test_gateways_meet_where_one_selects_all_proxies_of_the_other() -> None:
    narrow = gateway("b", TCP, selector="{istio: ingress, zone: a}", created="2021")
    assert len(told(Folder().write(a=gateway("a", HTTP), b=narrow))) == 1
    other = gateway("b", TCP, selector="{istio: egress}", created="2021")
    assert told(Folder().write(a=gateway("a", HTTP), b=other)) == []


def test_an_address_of_its_own_is_for_information() -> None:
    bound = gateway("b", "{port: {number: 80, name: tcp, protocol: TCP}, hosts: ['*'], bind: 10.0.0.1}", created="2021")
    (finding,) = told(Folder().write(a=gateway("a", HTTP), b=bound))
    assert finding.startswith("info  a.yaml:7  Gateway/a.default  spec.servers[0]: ")
    assert finding.endswith("binds 10.0.0.1: connections to that address do not reach this server")


def test_a_port_of_the_service_in_front_is_the_port_that_it_leads_to() -> None:
    leading = """\
        apiVersion: v1
        kind: Service
        metadata: {name: ingress}
        spec: {selector: {istio: ingress}, ports: [{name: http, port: 80, targetPort: 8080}]}
        """
    direct = gateway("b", "{port: {number: 8080, name: tcp, protocol: TCP}, hosts: ['*']}", created="2021")
    folder = Folder().write(a=gateway("a", HTTP), b=direct)
    assert told(folder) == []
    assert any("this server does not run" in each for each in told(folder.write(service=leading)))
    assert told(folder.write(service=None)) == []
