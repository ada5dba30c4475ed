"""EndpointSlices and Endpoints."""

from __future__ import annotations

import pytest

from tests.config.kinds.whole import accepted, reading, said
from xds.config.objects import EndpointList, EndpointSubset, ListedAddress
from xds.model.objects import ObjectKey
from xds.model.services import Health, Locality

SLICE = """\
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: reviews-1, namespace: shop, labels: {kubernetes.io/service-name: reviews}}
addressType: IPv4
"""


def test_a_slice() -> None:
    made = accepted(
        EndpointList,
        SLICE
        + """\
ports: [{name: http, port: 9080}, {port: 81, protocol: TCP, name: ''}]
endpoints:
- addresses: [10.0.0.1, 10.0.0.2]
  zone: a
  nodeName: n
  targetRef: {kind: Pod, name: reviews-x, namespace: shop}
- addresses: [10.0.0.3]
  targetRef: {kind: VirtualMachine, name: other}
""",
    )
    assert made.service == "reviews"
    pod = ObjectKey("Pod", "shop", "reviews-x")
    addresses = (ListedAddress("10.0.0.1", Health.HEALTHY, Locality(zone="a"), pod), ListedAddress("10.0.0.3"))
    assert made.subsets == (EndpointSubset({"http": 9080, "": 81}, addresses),)


@pytest.mark.parametrize(
    ("conditions", "health"),
    [
        ("{}", Health.HEALTHY),
        ("{ready: true}", Health.HEALTHY),
        ("{ready: false}", Health.UNHEALTHY),
        ("{ready: false, serving: true, terminating: true}", Health.DRAINING),
        ("{ready: false, serving: false, terminating: true}", Health.UNHEALTHY),
        ("{ready: null}", Health.HEALTHY),
    ],
)
def test_conditions(conditions: str, health: Health) -> None:
    text = SLICE + f"ports: [{{port: 80}}]\nendpoints: [{{addresses: [10.0.0.1], conditions: {conditions}}}]\n"
    assert accepted(EndpointList, text).subsets[0].addresses[0].health is health


def test_a_slice_of_no_service_is_no_error() -> None:
    text = SLICE.replace("kubernetes.io/service-name", "app")
    assert said(text) == [("info", 3, "metadata.labels", "no-service")]
    assert reading(text).object is None


def test_names_as_addresses_are_not_supported() -> None:
    text = SLICE.replace("IPv4", "FQDN") + "endpoints: [{addresses: [a.example.com]}]\n"
    assert said(text) == [("warning", 4, "addressType", "not-supported")]


@pytest.mark.parametrize(
    ("rest", "found"),
    [
        ("endpoints: [{addresses: [nowhere]}]", ("error", 5, "endpoints[0].addresses[0]", "invalid-value")),
        ("ports: [{port: 1}, {port: 2}]", ("error", 5, "ports[1].name", "conflicting-fields")),
        ("ports: [{port: 53, protocol: UDP}]", ("warning", 5, "ports[0].protocol", "not-supported")),
        ("ports: [{name: any}]", ("warning", 5, "ports[0]", "not-honoured")),
        ("endpoints: [{}]", ("error", 5, "endpoints[0].addresses", "missing-field")),
    ],
)
def test_findings_in_slices(rest: str, found: tuple[str, int, str, str]) -> None:
    assert said(SLICE + rest + "\n") == [found]


ENDPOINTS = "apiVersion: v1\nkind: Endpoints\nmetadata: {name: reviews, namespace: shop}\nsubsets:\n"


def test_endpoints() -> None:
    made = accepted(
        EndpointList,
        ENDPOINTS
        + """\
- addresses:
  - {ip: 10.0.0.1, targetRef: {kind: Pod, name: p}}
  notReadyAddresses: [{ip: 10.0.0.2}]
  ports: [{name: http, port: 80}]
- addresses: [{ip: 10.0.0.3}]
  ports: [{name: tcp, port: 81}]
""",
    )
    assert made.service == "reviews"
    pod = ObjectKey("Pod", "shop", "p")
    assert made.subsets == (
        EndpointSubset({"http": 80}, (ListedAddress("10.0.0.1", pod=pod), ListedAddress("10.0.0.2", Health.UNHEALTHY))),
        EndpointSubset({"tcp": 81}, (ListedAddress("10.0.0.3"),)),
    )


def test_endpoints_need_ip_addresses() -> None:
    assert said(ENDPOINTS + "- addresses: [{ip: nowhere}]\n") == [
        ("error", 5, "subsets[0].addresses[0].ip", "invalid-value")
    ]
