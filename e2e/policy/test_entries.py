"""ServiceEntries and WorkloadEntries: which instances a host has, and what is known of each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from e2e.lab import SERVICE_PORT
from e2e.policy.instance import Instance, running
from e2e.policy.mesh import LOCALITY, PolicyMesh, document
from e2e.policy.test_tls import CA, NAME, Server
from e2e.proofs import proves
from examples.bookinfo.topology import PROXY_HTTP_PORT
from xds.app.demo.shop import fetch

pytestmark = pytest.mark.asyncio(loop_scope="module")

HTTP = {"name": "http", "number": SERVICE_PORT, "protocol": "HTTP"}
NOT_SERVED = 1
"""A port on which no instance listens."""

HEAVY = 4_000_000
"""Beside 1, so much that the other gets nothing in as many requests."""

NOBODY = 502
"""The status of requests for hosts that the proxy knows nothing of."""


def entry(host: str, *, ports: Sequence[object] = (HTTP,), resolution: str = "STATIC", **spec: object) -> object:
    """A ServiceEntry."""
    fields = {"hosts": [host], "ports": ports, "resolution": resolution, **spec}
    return document("ServiceEntry", host.removeprefix("*.").replace(".", "-"), fields)


def endpoint(instance: Instance, **fields: object) -> object:
    return {"address": instance.address, **fields}


def write(mesh: PolicyMesh, name: str, *documents: object) -> None:
    mesh.lab.write(f"{name}.yaml", "---\n".join(f"{json.dumps(each)}\n" for each in documents))


async def unknown(mesh: PolicyMesh, host: str) -> None:
    """Returns when the proxy knows nothing of the host."""

    async def refused() -> bool:
        return (await mesh.ask(host)).status == NOBODY

    await mesh.until(refused, f"no service for {host}")


@proves("ServiceEntry", "spec.endpoints.address", "spec.endpoints.weight", "spec.hosts", "spec.ports.number")
async def test_endpoints_share_by_weight(mesh: PolicyMesh) -> None:
    one, other = await mesh.instance("a"), await mesh.instance("b")
    host = "weights.example.com"
    write(mesh, host, entry(host, endpoints=[endpoint(one, weight=1), endpoint(other, weight=HEAVY)]))
    await mesh.answered_only_by(host, "b")
    write(mesh, host, entry(host, endpoints=[endpoint(one), endpoint(other)]))
    await mesh.answered_only_by(host, "a", "b")


@proves("ServiceEntry", "spec.endpoints.ports", "spec.ports.name")
async def test_an_endpoint_has_ports_of_its_own_by_name(mesh: PolicyMesh) -> None:
    instance = await mesh.instance("a")
    host = "ports.example.com"
    elsewhere = {**HTTP, "name": "web", "targetPort": NOT_SERVED}
    write(mesh, host, entry(host, ports=[elsewhere], endpoints=[endpoint(instance, ports={"web": SERVICE_PORT})]))
    await mesh.answered_only_by(host, "a")


@proves("ServiceEntry", "spec.endpoints.labels")
async def test_subsets_pick_endpoints_by_their_labels(mesh: PolicyMesh) -> None:
    one, other = await mesh.instance("a"), await mesh.instance("b")
    host = "labels.example.com"
    endpoints = [endpoint(each, labels={"version": each.name}) for each in (one, other)]
    subsets = [{"name": "chosen", "labels": {"version": "b"}}]
    to = {"destination": {"host": host, "subset": "chosen"}}
    write(
        mesh,
        host,
        entry(host, endpoints=endpoints),
        document("DestinationRule", "labels", {"host": host, "subsets": subsets}),
        document("VirtualService", "labels", {"hosts": [host], "http": [{"route": [to]}]}),
    )
    await mesh.answered_only_by(host, "b")


@proves("ServiceEntry", "spec.endpoints.locality")
async def test_endpoints_that_are_near_come_first(mesh: PolicyMesh) -> None:
    near, far = await mesh.instance("a"), await mesh.instance("b")
    host = "near.example.com"
    write(
        mesh,
        host,
        entry(host, endpoints=[endpoint(far, locality="us/us-1"), endpoint(near, locality=LOCALITY)]),
        document("DestinationRule", "near", {"host": host, "trafficPolicy": {"outlierDetection": {}}}),
    )
    await mesh.answered_only_by(host, "a")


async def test_endpoints_of_another_network_are_reached_directly(mesh: PolicyMesh) -> None:
    instance = await mesh.instance("a")
    host = "network.example.com"
    write(mesh, host, entry(host, endpoints=[endpoint(instance, network="elsewhere"), {"network": "nowhere"}]))
    await mesh.answered_only_by(host, "a")


async def test_an_endpoint_may_be_a_unix_domain_socket(mesh: PolicyMesh, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    await mesh.lab.stack.enter_async_context(running("a", str(path), 0))
    host = "unix.example.com"
    write(mesh, host, entry(host, endpoints=[{"address": f"unix://{path}"}]))
    await mesh.answered_only_by(host, "a")


@proves("ServiceEntry", "spec.exportTo")
async def test_an_entry_is_seen_where_it_is_exported_to(mesh: PolicyMesh) -> None:
    instance = await mesh.instance("a")
    host = "exported.example.com"
    hidden = entry(host, endpoints=[endpoint(instance)], exportTo=["elsewhere"])
    shown = entry(host, endpoints=[endpoint(instance)], exportTo=["elsewhere", "."])
    write(mesh, host, shown)
    await mesh.answered_only_by(host, "a")
    write(mesh, host, hidden)
    await unknown(mesh, host)


@proves("ServiceEntry", "spec.workloadSelector.labels")
@proves("WorkloadEntry", "spec.address", "spec.labels")
async def test_an_entry_selects_workload_entries_and_pods_of_its_namespace(mesh: PolicyMesh) -> None:
    machine, pod, other = await mesh.three()
    host = "selected.example.com"
    status = {"podIP": pod.address, "phase": "Running"}
    elsewhere = {"address": other.address, "labels": {"app": "selected"}}
    write(
        mesh,
        host,
        entry(host, workloadSelector={"labels": {"app": "selected"}}),
        document("WorkloadEntry", "selected", {"address": machine.address, "labels": {"app": "selected"}}),
        document("WorkloadEntry", "not-selected", {"address": other.address, "labels": {"app": "other"}}),
        document("WorkloadEntry", "elsewhere", elsewhere, namespace="elsewhere"),
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "selected", "labels": {"app": "selected"}},
            "spec": {"containers": [{"name": "main"}]},
            "status": status,
        },
    )
    await mesh.answered_only_by(host, "a", "b")


@proves("WorkloadEntry", "spec.ports", "spec.weight")
async def test_a_workload_entry_has_ports_and_a_weight(mesh: PolicyMesh) -> None:
    one, other = await mesh.instance("a"), await mesh.instance("b")
    host = "machines.example.com"

    def machine(instance: Instance, weight: int) -> object:
        spec = {"address": instance.address, "labels": {"app": "machines"}, "weight": weight}
        return document("WorkloadEntry", f"machines-{instance.name}", {**spec, "ports": {"http": SERVICE_PORT}})

    port = {**HTTP, "targetPort": NOT_SERVED}
    selector = {"labels": {"app": "machines"}}
    write(mesh, host, entry(host, ports=[port], workloadSelector=selector), machine(one, HEAVY), machine(other, 1))
    await mesh.answered_only_by(host, "a")


@proves("WorkloadEntry", "spec.locality")
async def test_a_workload_entry_that_is_near_comes_first(mesh: PolicyMesh) -> None:
    near, far = await mesh.instance("a", LOCALITY), await mesh.instance("b", "us/us-1")
    await mesh.add("machines-near", {"outlierDetection": {}}, (near, far))
    await mesh.answered_only_by("machines-near", "a")


async def test_a_workload_that_is_not_healthy_gets_nothing(mesh: PolicyMesh) -> None:
    one, other = await mesh.instance("a"), await mesh.instance("b")
    host = "healthy.example.com"

    def machine(instance: Instance, status: str) -> dict[str, object]:
        made = document(
            "WorkloadEntry", f"healthy-{instance.name}", {"address": instance.address, "labels": {"app": host}}
        )
        assert isinstance(made, dict)
        return {**made, "status": {"conditions": [{"type": "Healthy", "status": status}]}}

    selecting = entry(host, workloadSelector={"labels": {"app": host}})
    write(mesh, host, selecting, machine(one, "True"), machine(other, "True"))
    await mesh.answered_only_by(host, "a", "b")
    write(mesh, host, selecting, machine(one, "True"), machine(other, "False"))
    await mesh.answered_only_by(host, "a")


async def test_entries_of_one_host_add_up(mesh: PolicyMesh) -> None:
    one, other = await mesh.instance("a"), await mesh.instance("b")
    host = "together.example.com"
    first = document(
        "ServiceEntry",
        "together-1",
        {"hosts": [host], "ports": [HTTP], "resolution": "STATIC", "endpoints": [endpoint(one)]},
    )
    second = document(
        "ServiceEntry",
        "together-2",
        {"hosts": [host], "ports": [HTTP], "resolution": "STATIC", "endpoints": [endpoint(other)]},
    )
    write(mesh, host, first, second)
    await mesh.answered_only_by(host, "a", "b")
    write(mesh, host, second)
    await mesh.answered_only_by(host, "b")


async def test_an_entry_adds_endpoints_to_a_kubernetes_service(mesh: PolicyMesh) -> None:
    pod, machine = await mesh.instance("a"), await mesh.instance("b")
    await mesh.add("extended", {}, [pod])
    await mesh.answered_only_by("extended", "a")
    host = "extended.default.svc.cluster.local"
    write(mesh, "more-of-extended", entry(host, endpoints=[endpoint(machine)]))
    await mesh.answered_only_by("extended", "a", "b")


@proves("ServiceEntry", "spec.subjectAltNames")
async def test_certificates_must_have_a_name_that_the_entry_gives(mesh: PolicyMesh) -> None:
    instance = await Server().instance(mesh)
    host = "certified.example.com"
    originating = document(
        "DestinationRule", "certified", {"host": host, "trafficPolicy": {"tls": {"mode": "SIMPLE", **CA}}}
    )
    write(mesh, host, entry(host, endpoints=[endpoint(instance)], subjectAltNames=[NAME]), originating)
    await mesh.answered_only_by(host, "a")
    write(mesh, host, entry(host, endpoints=[endpoint(instance)], subjectAltNames=["other.example.com"]), originating)

    async def refused() -> bool:
        return (await mesh.ask(host)).status == 503

    await mesh.until(refused, "a refusal")


@proves("ServiceEntry", "spec.resolution")
@pytest.mark.parametrize("resolution", ["DNS", "DNS_ROUND_ROBIN"])
async def test_names_are_resolved_by_the_proxy(mesh: PolicyMesh, resolution: str) -> None:
    instance = await mesh.lab.stack.enter_async_context(running("a", "127.0.0.1", 0))
    host = f"{resolution.lower().replace('_', '-')}.example.com"
    named = {"address": "localhost", "ports": {"http": instance.port}}
    write(mesh, host, entry(host, resolution=resolution, endpoints=[named]))
    await mesh.answered_only_by(host, "a")


@proves("ServiceEntry", "spec.resolution", "spec.hosts")
async def test_the_host_of_a_request_is_resolved_when_it_is_asked_for(mesh: PolicyMesh) -> None:
    instance = await mesh.lab.stack.enter_async_context(running("a", "127.0.0.1", 0))
    port = {**HTTP, "number": instance.port}
    write(mesh, "dynamic", entry("*.dynamic.localhost", ports=[port], resolution="DYNAMIC_DNS"))

    async def answered() -> bool:
        return await ask_at(mesh, "one.dynamic.localhost", instance.port) == "a"

    await mesh.until(answered, "an answer of a host below the wildcard")
    assert await ask_at(mesh, "two.dynamic.localhost", instance.port) == "a"


async def test_the_name_that_is_resolved_is_the_one_that_a_server_is_asked_for_by_tls(mesh: PolicyMesh) -> None:
    server = Server()
    instance = await mesh.lab.stack.enter_async_context(running("a", "127.0.0.1", 0, server.context))
    host = "*.secure.localhost"
    tls = {"mode": "SIMPLE", **CA, "subjectAltNames": [NAME]}
    write(
        mesh,
        "dynamic-tls",
        entry(host, ports=[{**HTTP, "number": instance.port}], resolution="DYNAMIC_DNS"),
        document("DestinationRule", "dynamic-tls", {"host": host, "trafficPolicy": {"tls": tls}}),
    )

    async def answered() -> bool:
        return await ask_at(mesh, "one.secure.localhost", instance.port) == "a"

    await mesh.until(answered, "an answer by TLS")
    assert set(server.names) == {"one.secure.localhost"}


async def ask_at(mesh: PolicyMesh, host: str, port: int) -> object:
    """Who answers a request to that port; the status if nobody does."""
    proxy = f"http://{mesh.client.ip}:{PROXY_HTTP_PORT}"
    answer = await fetch(mesh.lab.session, f"http://{host}:{port}/", {}, proxy)
    return json.loads(answer.body)["instance"] if answer.body.startswith("{") else answer.status
