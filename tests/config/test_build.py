"""The fold: what documents of several kinds make together, and what of a Mesh survives a change."""

from __future__ import annotations

from dataclasses import fields

import pytest

from tests.config.folder import Folder, endpoint_slice, service, service_entry, virtual_service, workload
from xds.model.mesh import Mesh
from xds.model.services import Health, ServiceKey


def located(folder: Folder, host: str) -> dict[int, list[tuple[str, int]]]:
    """Address and port of every endpoint of a service, by service port."""
    found = folder.mesh.endpoints.get(ServiceKey(host, "default"))
    return {port: [(e.address, e.port) for e in each] for port, each in found.by_port.items()} if found else {}


def at(folder: Folder, name: str, port: int = 80) -> list[tuple[str, int]]:
    return located(folder, f"{name}.default.svc.cluster.local").get(port, [])


def replaced(before: Mesh, after: Mesh) -> set[str]:
    """The parts that are not the same objects."""
    return {each.name for each in fields(Mesh) if getattr(before, each.name) is not getattr(after, each.name)}


# Endpoints


def test_a_selector_picks_workload_entries_and_pods_of_its_namespace() -> None:
    folder = Folder().write(
        s=service("a"),
        w=workload("e", "10.0.0.1", "a") + workload("p", "10.0.0.2", "a", "Pod") + workload("o", "10.0.0.3", "b"),
        other=workload("e", "10.0.0.4", "a").replace("name: e", "namespace: other, name: e"),
    )
    assert at(folder, "a") == [("10.0.0.2", 80), ("10.0.0.1", 80)]
    (pod, entry) = folder.mesh.endpoints[folder.mesh.services[0].key].by_port[80]
    assert (pod.workload, pod.namespace, entry.labels["version"]) == ("p", "default", "v1")
    assert sorted(folder.mesh.workloads) == ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"]


def test_slices_stand_for_pods_and_workload_entries_come_on_top() -> None:
    folder = Folder().write(
        s=service("a"),
        w=workload("p-10-0-0-1", "10.0.0.1", "a", "Pod") + workload("e", "10.0.0.9", "a"),
        x=endpoint_slice("a-1", "a", "10.0.0.1", "10.0.0.2", pods=True),
    )
    assert at(folder, "a") == [("10.0.0.1", 8080), ("10.0.0.2", 8080), ("10.0.0.9", 80)]
    known, unknown, _ = folder.mesh.endpoints[folder.mesh.services[0].key].by_port[80]
    assert (known.labels["app"], known.workload) == ("a", "p-10-0-0-1")
    assert (dict(unknown.labels), unknown.workload) == ({}, "p-10-0-0-2")
    folder.write(w=workload("p-10-0-0-1", "10.0.0.1", "a", "Pod", "v2"))
    assert folder.mesh.endpoints[folder.mesh.services[0].key].by_port[80][0].labels["version"] == "v2"
    assert at(folder, "a") == [("10.0.0.1", 8080), ("10.0.0.2", 8080)]
    folder.write(x=None)
    assert at(folder, "a") == [("10.0.0.1", 80)]


def test_endpoints_and_slices_of_the_same_addresses_count_once() -> None:
    endpoints = (
        "apiVersion: v1\nkind: Endpoints\nmetadata: {name: a}\n"
        "subsets: [{addresses: [{ip: 10.0.0.1}, {ip: 10.0.0.3}], ports: [{name: http, port: 8080}]}]\n"
    )
    folder = Folder().write(s=service("a"), x=endpoint_slice("a-1", "a", "10.0.0.1"), y=endpoints)
    assert at(folder, "a") == [("10.0.0.1", 8080), ("10.0.0.3", 8080)]


def test_two_slices_of_one_service() -> None:
    folder = Folder().write(
        s=service("a"), x=endpoint_slice("two", "a", "10.0.0.2"), y=endpoint_slice("one", "a", "10.0.0.1")
    )
    assert at(folder, "a") == [("10.0.0.1", 8080), ("10.0.0.2", 8080)]
    folder.write(y=None)
    assert at(folder, "a") == [("10.0.0.2", 8080)]


def test_a_slice_whose_ports_have_other_names_gives_nothing() -> None:
    folder = Folder().write(s=service("a"), x=endpoint_slice("one", "a", "10.0.0.1").replace("http", "grpc"))
    assert at(folder, "a") == []


def test_a_slice_of_a_service_that_does_not_exist_is_said() -> None:
    folder = Folder().write(x=endpoint_slice("one", "a", "10.0.0.1"))
    assert folder.remarks == [
        "x.yaml:1 EndpointSlice/one.default: there is no Service a in namespace default: this has no effect"
    ]
    assert folder.write(s=service("a")).remarks == []
    assert len(folder.write(s=None).remarks) == 1


def test_a_service_without_workloads_is_said() -> None:
    folder = Folder().write(s=service("a"))
    assert [remark.partition(": ")[2] for remark in folder.remarks] == [
        "selects no Pod or WorkloadEntry that has its ports: the service has no endpoints"
    ]
    assert folder.write(w=workload("e", "10.0.0.1", "a")).remarks == []


@pytest.mark.parametrize(
    ("target", "declared", "kind", "expected"),
    [
        (None, "", "WorkloadEntry", 80),
        (8080, "", "WorkloadEntry", 8080),
        (8080, "http: 9090", "WorkloadEntry", 9090),
        ("web", "web: 9090", "WorkloadEntry", 9090),
        ("web", "http: 9090", "WorkloadEntry", None),
        (None, "http: 9090", "Pod", 80),
        ("http", "http: 9090", "Pod", 9090),
        ("web", "http: 9090", "Pod", None),
    ],
)
def test_target_ports(target: int | str | None, declared: str, kind: str, expected: int | None) -> None:
    text = workload("w", "10.0.0.1", "a", kind)
    if kind == "Pod":
        name, _, number = declared.partition(": ")
        spec = f"spec: {{containers: [{{name: c, ports: [{{name: {name}, containerPort: {number}}}]}}]}}\n"
        text = text.replace("---\n", f"{spec}---\n")
    else:
        text = text.replace("'address'", f"'ports': {{{declared}}}, 'address'")
    port = {"name": "http", "port": 80, **({"targetPort": target} if target else {})}
    folder = Folder().write(s=service("a", ports=[port]), w=text)
    assert folder.errors == []
    assert at(folder, "a") == ([("10.0.0.1", expected)] if expected else [])


def test_readiness_does_not_matter_to_what_a_workload_serves() -> None:
    text = endpoint_slice("one", "a", "10.0.0.1").replace("'addresses'", "'conditions': {'ready': false}, 'addresses'")
    folder = Folder().write(s=service("a"), x=text)
    (endpoint,) = folder.mesh.endpoints[folder.mesh.services[0].key].by_port[80]
    assert endpoint.health is Health.UNHEALTHY
    assert [each.target_port for each in folder.mesh.instances["10.0.0.1"]] == [8080]


def test_instances_of_an_address_are_of_all_its_services() -> None:
    folder = Folder().write(
        s=service("b") + service("a", 81, selector={"version": "v1"}), w=workload("e", "10.0.0.1", "b")
    )
    served = [(each.service.hostname.partition(".")[0], each.port.number) for each in folder.mesh.instances["10.0.0.1"]]
    assert served == [("a", 81), ("b", 80)]
    folder.write(s=service("b"))
    assert [each.port.number for each in folder.mesh.instances["10.0.0.1"]] == [80]
    assert folder.write(w=None).mesh.instances == {}


def test_workloads_that_share_an_address() -> None:
    folder = Folder().write(x=workload("b", "10.0.0.1", "x"), y=workload("a", "10.0.0.1", "x"))
    assert folder.mesh.workloads["10.0.0.1"].meta.name == "a"
    folder.write(y=None)
    assert folder.mesh.workloads["10.0.0.1"].meta.name == "b"
    folder.write(x=workload("b", "10.0.0.2", "x"))
    assert list(folder.mesh.workloads) == ["10.0.0.2"]


def test_external_name() -> None:
    folder = Folder().write(s=service("a", type="ExternalName", externalName="api.example.com"))
    assert at(folder, "a") == [("api.example.com", 80)]
    assert folder.mesh.instances == {}


# ServiceEntries


def test_dns_resolves_the_host_itself_unless_endpoints_are_given() -> None:
    ports = [{"number": 443, "name": "tls", "targetPort": 8443}]
    folder = Folder().write(x=service_entry("e", "a.example.com", resolution="DNS", ports=ports))
    assert located(folder, "a.example.com") == {443: [("a.example.com", 8443)]}
    endpoints = [{"address": "b.example.com", "ports": {"tls": 9443}}, {"address": "c.example.com"}]
    folder.write(x=service_entry("e", "a.example.com", resolution="DNS", ports=ports, endpoints=endpoints))
    assert located(folder, "a.example.com") == {443: [("b.example.com", 9443), ("c.example.com", 8443)]}


def test_static_endpoints_serve_every_host_of_the_entry() -> None:
    endpoints = [{"address": "10.0.0.1", "weight": 3, "labels": {"v": "1"}, "locality": "eu/a"}]
    folder = Folder().write(
        x=service_entry("e", "a.example.com", "b.example.com", resolution="STATIC", endpoints=endpoints)
    )
    for host in ("a.example.com", "b.example.com"):
        (endpoint,) = folder.mesh.endpoints[ServiceKey(host, "default")].by_port[80]
        assert (endpoint.address, endpoint.weight, endpoint.locality.zone, endpoint.workload) == (
            "10.0.0.1",
            3,
            "a",
            "",
        )
    assert len(folder.mesh.instances["10.0.0.1"]) == 2


def test_a_unix_domain_socket() -> None:
    folder = Folder().write(
        x=service_entry("e", "a.local", resolution="STATIC", endpoints=[{"address": "unix:///run/a"}])
    )
    assert located(folder, "a.local") == {80: [("/run/a", 0)]}
    assert folder.mesh.instances == {}


def test_resolution_none_has_instances_but_no_endpoints() -> None:
    selector = {"labels": {"app": "a"}}
    folder = Folder().write(
        x=service_entry("e", "a.local", workloadSelector=selector), w=workload("w", "10.0.0.1", "a")
    )
    assert folder.mesh.endpoints == {}
    assert len(folder.mesh.instances["10.0.0.1"]) == 1


def test_a_selector_of_an_entry_picks_numeric_addresses_if_nobody_resolves_names() -> None:
    selector = {"labels": {"app": "a"}}
    folder = Folder().write(
        x=service_entry("e", "a.local", resolution="STATIC", workloadSelector=selector),
        y=service_entry("f", "b.local", resolution="DNS", workloadSelector=selector),
        w=workload("w", "vm.example.com", "a") + workload("p", "10.0.0.1", "a", "Pod"),
    )
    assert located(folder, "a.local") == {80: [("10.0.0.1", 80)]}
    assert located(folder, "b.local") == {80: [("10.0.0.1", 80), ("vm.example.com", 80)]}
    assert [remark.partition(": ")[2] for remark in folder.remarks] == [
        "vm.example.com is a name, which nobody resolves for ServiceEntry/e.default: it is left out there"
    ]


def test_the_oldest_declaration_of_a_host_is_in_force_but_a_kubernetes_service_always() -> None:
    folder = Folder().write(x=service_entry("e", "a.local", resolution="DNS"), y=service_entry("d", "a.local"))
    assert [each.meta.name for each in folder.mesh.services] == ["d"]
    (remark,) = folder.remarks
    assert remark.startswith("x.yaml:1 ServiceEntry/e.default: a.local is declared by ServiceEntry/d.default at y.yaml")
    host = "a.default.svc.cluster.local"
    folder.write(x=service_entry("e", host, resolution="DNS"), y=service("a"), w=workload("w", "10.0.0.1", "a"))
    assert [each.meta.key.kind for each in folder.mesh.services] == ["Service"]
    assert at(folder, "a") == [("10.0.0.1", 80)]
    folder.write(y=None)
    assert at(folder, "a") == [(host, 80)]


# Several objects for one host


def ports(folder: Folder) -> list[tuple[int, str]]:
    (service,) = folder.mesh.services
    return [(port.number, port.name) for port in service.ports]


def test_entries_of_one_host_are_one_service_with_the_ports_and_endpoints_of_both() -> None:
    more = [{"number": 80, "name": "http", "targetPort": 8080}, {"number": 443, "name": "tls", "protocol": "TLS"}]
    folder = Folder().write(
        x=service_entry("d", "a.local", resolution="STATIC", endpoints=[{"address": "10.0.0.1"}]),
        y=service_entry("e", "a.local", resolution="STATIC", ports=more, endpoints=[{"address": "10.0.0.2"}]),
    )
    assert ports(folder) == [(80, "http"), (443, "tls")]
    assert located(folder, "a.local") == {
        80: [("10.0.0.1", 80), ("10.0.0.2", 8080)],
        443: [("10.0.0.2", 443)],
    }
    assert folder.remarks == []
    served = folder.mesh.instances["10.0.0.2"]
    assert [(each.port.number, each.target_port) for each in served] == [(80, 8080), (443, 443)]
    folder.write(y=None)
    assert located(folder, "a.local") == {80: [("10.0.0.1", 80)]}
    assert folder.mesh.instances.keys() == {"10.0.0.1"}


def test_a_service_stays_the_same_while_another_entry_comes_and_goes_that_does_not_add_to_it() -> None:
    folder = Folder().write(x=service_entry("d", "a.local", resolution="DNS"))
    (before,) = folder.mesh.services
    folder.write(y=service_entry("e", "a.local", resolution="DNS", exportTo=["."]))
    assert folder.mesh.services == (before,)
    assert folder.mesh.services[0] is before
    assert [remark.partition("; only with ")[2] for remark in folder.remarks] == [
        "the same resolution, workloadSelector and exportTo would this add to it"
    ]


def test_a_port_that_two_entries_understand_differently_is_that_of_the_older() -> None:
    folder = Folder().write(
        x=service_entry("d", "a.local", resolution="DNS"),
        y=service_entry("e", "a.local", resolution="DNS", ports=[{"number": 80, "name": "tcp", "protocol": "TCP"}]),
    )
    assert ports(folder) == [(80, "http")]
    assert [remark.partition(": ")[2] for remark in folder.remarks] == ["port 80 of a.local is http (HTTP) already"]


def test_an_entry_adds_endpoints_to_the_ports_of_a_service_that_have_the_same_names() -> None:
    host = "a.default.svc.cluster.local"
    more = [{"number": 8000, "name": "http", "targetPort": 8080}, {"number": 443, "name": "tls", "protocol": "TLS"}]
    folder = Folder().write(
        x=service_entry("e", host, resolution="STATIC", ports=more, endpoints=[{"address": "192.0.2.1"}]),
        y=service("a"),
        w=workload("w", "10.0.0.1", "a"),
    )
    assert [each.meta.key.kind for each in folder.mesh.services] == ["Service"]
    assert ports(folder) == [(80, "http")]
    assert at(folder, "a") == [("10.0.0.1", 80), ("192.0.2.1", 8080)]
    assert [remark.partition(": ")[2] for remark in folder.remarks] == [
        "Service/a.default has no such port: this one has no effect"
    ]


def test_what_an_entry_selects_counts_for_the_service_of_the_same_name() -> None:
    selector = {"labels": {"app": "old"}}
    folder = Folder().write(
        x=service_entry("e", "a.default.svc.cluster.local", resolution="STATIC", workloadSelector=selector),
        y=service("a"),
        w=workload("w", "10.0.0.1", "a"),
    )
    folder.write(v=workload("v", "10.0.0.2", "old"))
    assert at(folder, "a") == [("10.0.0.1", 80), ("10.0.0.2", 80)]
    assert folder.mesh.instances.keys() == {"10.0.0.1", "10.0.0.2"}


def test_services_that_select_alike_have_the_same_endpoints() -> None:
    selector = {"labels": {"app": "a"}}
    folder = Folder().write(
        x=service_entry("d", "a.local", resolution="STATIC", workloadSelector=selector),
        y=service_entry("e", "b.local", resolution="STATIC", workloadSelector=selector),
        w=workload("w", "10.0.0.1", "a") + workload("v", "10.0.0.2", "a"),
    )
    one, other = (found.by_port[80] for found in folder.mesh.endpoints.values())
    assert one is other
    folder.write(w=workload("w", "10.0.0.1", "a") + workload("v", "10.0.0.3", "a"))
    again, too = (found.by_port[80] for found in folder.mesh.endpoints.values())
    assert again is too
    assert one[1] is again[1]
    assert [endpoint.address for endpoint in again] == ["10.0.0.3", "10.0.0.1"]


# Order


def test_services_are_ordered_by_key_and_policies_by_age() -> None:
    folder = Folder().write(
        x=service("b") + virtual_service("b", "b", "2026-01-02T00:00:00Z") + virtual_service("c", "b"),
        y=service("a") + virtual_service("a", "b"),
    )
    assert [each.name for each in folder.mesh.services] == ["a", "b"]
    assert [each.meta.name for each in folder.mesh.virtual_services] == ["a", "c", "b"]
    folder.write(y=service("c") + virtual_service("a", "b", "2026-01-03T00:00:00Z"))
    assert [each.name for each in folder.mesh.services] == ["b", "c"]
    assert [each.meta.name for each in folder.mesh.virtual_services] == ["c", "b", "a"]


# Identity


@pytest.fixture
def folder() -> Folder:
    return Folder().write(
        services=service("a") + service("b"),
        slices=endpoint_slice("a-1", "a", "10.0.0.1", "10.0.0.2"),
        more=endpoint_slice("b-1", "b", "10.0.0.3"),
        virtual=virtual_service("a"),
        other=virtual_service("b"),
    )


def test_a_changed_slice_replaces_the_endpoints_of_its_service_alone(folder: Folder) -> None:
    before = folder.mesh
    a, b = (each.key for each in before.services)
    folder.write(slices=endpoint_slice("a-1", "a", "10.0.0.1", "10.0.0.4"))
    assert replaced(before, folder.mesh) == {"endpoints", "instances", "objects"}
    assert folder.mesh.endpoints[b] is before.endpoints[b]
    assert folder.mesh.endpoints[a] is not before.endpoints[a]
    assert folder.mesh.endpoints[a].by_port[80][0] is before.endpoints[a].by_port[80][0]
    assert folder.mesh.instances.keys() == {"10.0.0.1", "10.0.0.3", "10.0.0.4"}
    assert folder.mesh.instances["10.0.0.1"] is before.instances["10.0.0.1"]


def test_a_slice_that_only_moved_in_its_file_replaces_no_endpoints(folder: Folder) -> None:
    before = folder.mesh
    folder.write(slices="# a comment\n" + endpoint_slice("a-1", "a", "10.0.0.1", "10.0.0.2"))
    assert replaced(before, folder.mesh) == {"objects"}


def test_a_change_of_readiness_replaces_no_instances(folder: Folder) -> None:
    before = folder.mesh
    text = endpoint_slice("a-1", "a", "10.0.0.1", "10.0.0.2")
    folder.write(slices=text.replace("'addresses'", "'conditions': {'ready': false}, 'addresses'", 1))
    assert replaced(before, folder.mesh) == {"endpoints", "objects"}


def test_a_changed_virtual_service_replaces_nothing_else(folder: Folder) -> None:
    before = folder.mesh
    folder.write(virtual=virtual_service("a", to="b"))
    assert replaced(before, folder.mesh) == {"virtual_services", "objects"}
    assert folder.mesh.virtual_services[1] is before.virtual_services[1]


def test_a_changed_service_keeps_its_endpoints(folder: Folder) -> None:
    before = folder.mesh
    folder.write(services=service("a", clusterIP="10.96.0.1") + service("b"))
    assert replaced(before, folder.mesh) == {"services", "objects"}
    assert folder.mesh.services[1] is before.services[1]


def test_nothing_changed_means_the_same_parts(folder: Folder) -> None:
    before = folder.mesh
    folder.write(x="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    assert replaced(before, folder.mesh) == set()
