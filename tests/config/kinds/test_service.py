"""Kubernetes Services."""

from __future__ import annotations

import pytest

from tests.config.kinds.whole import accepted, reading, said
from xds.config.objects import ServiceDeclaration
from xds.model.labels import Labels
from xds.model.services import Location, Protocol, Resolution, Service, ServicePort


def service(spec: str, metadata: str = "name: reviews, namespace: shop") -> Service:
    text = f"apiVersion: v1\nkind: Service\nmetadata: {{{metadata}}}\nspec: {spec}\n"
    (made,) = accepted(ServiceDeclaration, text).services
    return made


def findings(spec: str, metadata: str = "name: reviews") -> list[tuple[str, str, str]]:
    text = f"apiVersion: v1\nkind: Service\nmetadata: {{{metadata}}}\nspec: {spec}\n"
    return [(severity, path, code) for severity, _, path, code in said(text)]


def test_name_ports_selector_and_addresses() -> None:
    made = service(
        "{clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1, 'fd00::1'], selector: {app: reviews}, "
        "ports: [{name: http-web, port: 80, targetPort: 9080}, {name: admin, port: 81, targetPort: web}]}"
    )
    assert made.hostname == "reviews.shop.svc.cluster.local"
    assert made.name == "reviews"
    assert made.ports == (
        ServicePort(80, "http-web", Protocol.HTTP, 9080),
        ServicePort(81, "admin", Protocol.UNSUPPORTED, "web"),
    )
    assert made.addresses == ("10.0.0.1", "fd00::1")
    assert made.selector == Labels({"app": "reviews"})
    assert (made.resolution, made.location) == (Resolution.STATIC, Location.MESH_INTERNAL)
    assert made.export_to == ("*",)
    assert not made.headless


def test_app_protocol_decides_before_the_name() -> None:
    made = service("{ports: [{name: http, port: 80, appProtocol: grpc}, {name: x, port: 81, appProtocol: tcp}]}")
    assert [port.protocol for port in made.ports] == [Protocol.GRPC, Protocol.TCP]


@pytest.mark.parametrize("target", ["80", "0", "''", "null"])
def test_a_target_that_says_nothing_is_the_same_number(target: str) -> None:
    assert service(f"{{ports: [{{port: 80, targetPort: {target}}}]}}").ports[0].target is None


def test_headless() -> None:
    made = service("{clusterIP: None, ports: [{port: 80}]}")
    assert made.headless
    assert made.addresses == ()
    assert made.selector is None


def test_an_empty_selector_is_none() -> None:
    assert service("{selector: {}, ports: [{port: 80}]}").selector is None


def test_external_name() -> None:
    made = service("{type: ExternalName, externalName: API.example.com., ports: [{port: 443, name: tls}]}")
    assert (made.resolution, made.external_name, made.selector) == (Resolution.DNS, "api.example.com", None)


def test_export_to_annotation() -> None:
    annotations = "annotations: {networking.istio.io/exportTo: '., other'}"
    made = service("{ports: [{port: 80}]}", f"name: reviews, namespace: shop, {annotations}")
    assert made.export_to == ("shop", "other")


def test_udp_ports_are_left_out_with_a_warning() -> None:
    spec = "{ports: [{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53}]}"
    assert findings(spec) == [("warning", "spec.ports[0].protocol", "not-supported")]
    found = reading(f"{{apiVersion: v1, kind: Service, metadata: {{name: a}}, spec: {spec}}}").object
    assert isinstance(found, ServiceDeclaration)
    assert [port.name for port in found.services[0].ports] == ["dns-tcp"]


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ("{ports: [{port: 80}, {port: 80}]}", "spec.ports[1].port"),
        ("{ports: [{port: 80, targetPort: NOT_A_NAME}]}", "spec.ports[0].targetPort"),
        ("{ports: [{port: 80, targetPort: 70000}]}", "spec.ports[0].targetPort"),
        ("{ports: [{port: 70000}]}", "spec.ports[0].port"),
        ("{clusterIP: nowhere}", "spec.clusterIP"),
        ("{type: ExternalName}", "spec.externalName"),
        ("{type: ExternalName, externalName: 'not a name'}", "spec.externalName"),
        ("{selector: [a]}", "spec.selector"),
    ],
)
def test_errors(spec: str, path: str) -> None:
    assert [(severity, at) for severity, at, _ in findings(spec)] == [("error", path)]


def test_a_name_must_be_one_label() -> None:
    assert [at for _, at, _ in findings("{ports: [{port: 80}]}", "name: a.b")] == ["metadata.name"]


def test_a_wrong_export_to_annotation_is_an_error() -> None:
    metadata = "name: a, annotations: {networking.istio.io/exportTo: 'A B'}"
    assert findings("{ports: [{port: 80}]}", metadata)[0][:2] == (
        "error",
        'metadata.annotations["networking.istio.io/exportTo"]',
    )


def test_what_has_no_effect_is_reported_by_value() -> None:
    spec = "{sessionAffinity: ClientIP, internalTrafficPolicy: Cluster, trafficDistribution: PreferNobody}"
    assert findings(spec) == [
        ("warning", "spec.sessionAffinity", "not-honoured"),
        ("warning", "spec.trafficDistribution", "no-effect"),
    ]
