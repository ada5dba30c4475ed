"""Pods and WorkloadEntries."""

from __future__ import annotations

import pytest

from tests.config.kinds.whole import accepted, reading, said
from xds.model.labels import Labels
from xds.model.services import Health, Locality, Workload

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: reviews-x, namespace: shop, labels: {app: reviews, istio-locality: eu.a.1}}
spec:
  serviceAccountName: sa
  nodeName: n
  containers:
  - name: app
    image: whatever
    ports: [{name: http, containerPort: 9080}, {containerPort: 1}, {name: dns, containerPort: 53, protocol: UDP}]
  - name: other
    ports: [{name: http, containerPort: 9}, {name: admin, containerPort: 9081}]
"""


def pod(status: str, extra: str = "") -> str:
    return POD.replace("namespace: shop", f"namespace: shop{extra}") + f"status: {status}\n"


def without_warnings(text: str) -> Workload | None:
    found = reading(text).object
    assert found is None or isinstance(found, Workload)
    return found


def test_pod() -> None:
    made = accepted(Workload, pod("{podIP: 10.0.0.1, podIPs: [{ip: 10.0.0.1}, {ip: 'fd00::1'}], phase: Running}"))
    assert made.meta.name == "reviews-x"
    assert made.address == "10.0.0.1"
    assert made.labels == Labels({"app": "reviews", "istio-locality": "eu.a.1"})
    assert made.service_account == "sa"
    assert made.ports == {"http": 9080, "admin": 9081}
    assert made.locality == Locality("eu", "a", "1")
    assert made.health is Health.HEALTHY


def test_pod_with_a_list_of_addresses_only() -> None:
    assert accepted(Workload, pod("{podIPs: [{ip: 10.0.0.2}]}")).address == "10.0.0.2"


@pytest.mark.parametrize(
    "status", ["{}", "{phase: Pending}", "{podIP: 10.0.0.1, phase: Succeeded}", "{podIP: 10.0.0.1, phase: Failed}"]
)
def test_pods_that_are_no_workloads(status: str) -> None:
    assert said(pod(status)) == []
    assert without_warnings(pod(status)) is None


def test_pod_readiness() -> None:
    not_ready = pod("{podIP: 10.0.0.1, conditions: [{type: Ready, status: 'False'}]}")
    assert accepted(Workload, not_ready).health is Health.UNHEALTHY
    deleted = pod("{podIP: 10.0.0.1}", ", deletionTimestamp: '2026-01-01T00:00:00Z'")
    assert accepted(Workload, deleted).health is Health.DRAINING


def test_pod_with_a_wrong_address() -> None:
    assert said(pod("{podIP: nowhere}")) == [("error", 13, "status.podIP", "invalid-value")]


def entry(spec: str, metadata: str = "name: vm") -> str:
    return f"apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {{{metadata}}}\nspec: {spec}\n"


def test_workload_entry() -> None:
    made = accepted(
        Workload,
        entry(
            "{address: 10.0.0.1, ports: {http: 8080}, labels: {app: a}, network: n, locality: eu/a/1, weight: 3, "
            "serviceAccount: sa}"
        ),
    )
    assert made == Workload(
        made.meta, "10.0.0.1", Labels({"app": "a"}), "sa", {"http": 8080}, Locality("eu", "a", "1"), "n", 3
    )


def test_labels_of_the_object_count_too() -> None:
    metadata = "name: vm, labels: {app: b, topology.istio.io/network: n, topology.kubernetes.io/zone: z}"
    made = accepted(Workload, entry("{address: a.example.com, labels: {app: a, version: v1}}", metadata))
    assert made.labels["app"] == "b"
    assert made.labels["version"] == "v1"


@pytest.mark.parametrize("address", ["unix:///run/app.sock", "'unix://@app'", "'fd00::1'", "vm.example.com"])
def test_addresses(address: str) -> None:
    assert accepted(Workload, entry(f"{{address: {address}}}")).address == address.strip("'")


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ("{address: 'unix://run/app.sock'}", "spec.address"),
        ("{address: 'unix:///run/'}", "spec.address"),
        ("{address: 1.2.3}", "spec.address"),
        ("{address: '*.example.com'}", "spec.address"),
        ("{address: not a name}", "spec.address"),
        ("{labels: {a: b}}", "spec"),
        ("{address: 1.2.3.4, ports: {http: 0}}", "spec.ports.http"),
        ("{address: 'unix:///a', ports: {http: 80}}", "spec.ports"),
        ("{address: 1.2.3.4, weight: heavy}", "spec.weight"),
        ("{address: 1.2.3.4, adress: 1.2.3.4}", "spec.adress"),
    ],
)
def test_errors(spec: str, path: str) -> None:
    assert {(severity, at) for severity, _, at, _ in said(entry(spec))} == {("error", path)}


def test_an_entry_that_names_only_a_network_is_left_out() -> None:
    assert said(entry("{network: n}")) == [("warning", 4, "spec", "not-honoured")]
    assert reading(entry("{network: n}")).object is None
