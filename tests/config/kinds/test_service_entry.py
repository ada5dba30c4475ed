"""ServiceEntries."""

from __future__ import annotations

import pytest

from tests.config.kinds.whole import accepted, reading, said
from xds.config.objects import ServiceDeclaration
from xds.model.labels import Labels
from xds.model.services import Location, Protocol, Resolution, ServicePort


def entry(spec: str) -> str:
    return (
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: e, namespace: shop}\n"
        f"spec: {{{spec}}}\n"
    )


def declared(spec: str) -> ServiceDeclaration:
    return accepted(ServiceDeclaration, entry(spec))


def test_one_service_for_each_host() -> None:
    made = declared(
        "hosts: [API.example.com, '*.example.org'], addresses: [10.1.2.3, 10.2.3.4/16], location: MESH_INTERNAL, "
        "ports: [{number: 443, name: tls, protocol: TLS}, {number: 80, name: http, targetPort: 8080}], "
        "exportTo: ['.'], subjectAltNames: [spiffe://a]"
    )
    assert [service.hostname for service in made.services] == ["api.example.com", "*.example.org"]
    for service in made.services:
        assert service.addresses == ("10.1.2.3", "10.2.0.0/16")
        assert (service.resolution, service.location) == (Resolution.NONE, Location.MESH_INTERNAL)
        assert service.ports == (
            ServicePort(443, "tls", Protocol.TLS),
            ServicePort(80, "http", Protocol.HTTP, 8080),
        )
        assert service.export_to == ("shop",)
        assert service.subject_alt_names == ("spiffe://a",)
    assert made.services[0].name == "api"


def test_external_by_default() -> None:
    assert declared("hosts: [a.example.com]").services[0].location is Location.MESH_EXTERNAL


@pytest.mark.parametrize("resolution", ["STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS", "NONE"])
def test_resolutions(resolution: str) -> None:
    assert declared(f"hosts: [a.example.com], resolution: {resolution}").services[0].resolution.value == resolution


def test_dynamic_dns_needs_ports_on_which_the_client_names_a_host() -> None:
    spec = (
        "hosts: ['*.example.com'], resolution: DYNAMIC_DNS, ports: [{number: 80, name: http}, "
        "{number: 443, name: tls}, {number: 444, name: https-a}, {number: 5432, name: tcp}, {number: 99, name: any}]"
    )
    made = reading(entry(spec)).object
    assert isinstance(made, ServiceDeclaration)
    assert [port.number for port in made.services[0].ports] == [80, 443, 444]
    assert [finding[-1] for finding in said(entry(spec))] == ["not-supported", "not-supported"]


@pytest.mark.parametrize("field", ["endpoints: [{address: 10.0.0.1}]", "workloadSelector: {labels: {app: a}}"])
def test_dynamic_dns_has_no_endpoints(field: str) -> None:
    text = entry(f"hosts: ['*.example.com'], resolution: DYNAMIC_DNS, {field}")
    assert [finding[::3] for finding in said(text)] == [("error", "conflicting-fields")]


def test_selector() -> None:
    made = declared("hosts: [a.example.com], resolution: STATIC, workloadSelector: {labels: {app: a}}")
    assert made.services[0].selector == Labels({"app": "a"})


def test_a_selector_without_labels_selects_nothing() -> None:
    text = entry("hosts: [a.example.com], resolution: STATIC, workloadSelector: {}")
    assert said(text) == [("warning", 4, "spec.workloadSelector", "empty-selector")]


def test_endpoints() -> None:
    made = declared(
        "hosts: [a.example.com], resolution: STATIC, ports: [{number: 80, name: http}], "
        "endpoints: [{address: 10.0.0.1, ports: {http: 8080}, labels: {v: '1'}, weight: 2}, {address: 'unix:///a'}]"
    )
    assert [(each.address, each.ports) for each in made.endpoints] == [("10.0.0.1", {"http": 8080}), ("unix:///a", {})]
    assert made.endpoints[0].meta is made.meta


def test_udp_ports_are_left_out() -> None:
    spec = (
        "hosts: [a.example.com], resolution: STATIC, ports: [{number: 53, name: dns, protocol: UDP}], "
        "endpoints: [{address: 10.0.0.1, ports: {dns: 5353}}]"
    )
    assert said(entry(spec)) == [("warning", 4, "spec.ports[0].protocol", "not-supported")]


HOST = "hosts: [a.example.com]"
HTTP = "ports: [{number: 80, name: http}]"


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ("hosts: ['*']", "spec.hosts[0]"),
        ("hosts: []", "spec.hosts"),
        ("hosts: [not a host]", "spec.hosts[0]"),
        ("hosts: ['*.example.com'], resolution: DNS", "spec.hosts[0]"),
        (f"{HOST}, addresses: [10.0.0.0/8], resolution: DNS", "spec.addresses"),
        (f"{HOST}, addresses: [nowhere]", "spec.addresses[0]"),
        (f"{HOST}, resolution: SOMETIMES", "spec.resolution"),
        (f"{HOST}, endpoints: [{{address: 10.0.0.1}}]", "spec.endpoints"),
        (f"{HOST}, resolution: STATIC, endpoints: [{{address: b.example.com}}]", "spec.endpoints[0].address"),
        (f"{HOST}, {HTTP}, resolution: DNS, endpoints: [{{address: 'unix:///a'}}]", "spec.endpoints[0].address"),
        (f"{HOST}, resolution: STATIC, endpoints: [{{address: 'unix:///a'}}]", "spec.endpoints[0].address"),
        (
            f"{HOST}, resolution: STATIC, endpoints: [{{address: 1.1.1.1, ports: {{x: 1}}}}]",
            "spec.endpoints[0].ports.x",
        ),
        (
            f"{HOST}, resolution: DNS_ROUND_ROBIN, endpoints: [{{address: b.example.com}}, {{address: c.example.com}}]",
            "spec.endpoints",
        ),
        (
            f"{HOST}, resolution: DNS, endpoints: [{{address: b.example.com}}], workloadSelector: {{labels: {{a: b}}}}",
            "spec.workloadSelector",
        ),
        (f"{HOST}, ports: [{{number: 80, name: a}}, {{number: 80, name: b}}]", "spec.ports[1].number"),
        (f"{HOST}, ports: [{{number: 80, name: a, protocol: CARRIER}}]", "spec.ports[0].protocol"),
        (f"{HOST}, ports: [{{number: 80, name: a, targetPort: 0}}]", "spec.ports[0].targetPort"),
        (f"{HOST}, exportTo: ['A B']", "spec.exportTo[0]"),
        (f"{HOST}, hostz: []", "spec.hostz"),
    ],
)
def test_errors(spec: str, path: str) -> None:
    assert [(severity, at) for severity, _, at, _ in said(entry(spec))] == [("error", path)]
    assert not reading(entry(spec)).is_valid
