"""Where requests and connections of one client go: copies to other ports, and what matches TCP and TLS."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Mapping, Sequence

import pytest

from e2e.lab import SERVICE_PORT
from e2e.policy.instance import Instance
from e2e.policy.mesh import PolicyMesh, document, entry
from e2e.policy.test_tls import CERTIFICATES, NAME, Server
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOWHERE = 1
"""A port on which nothing listens."""

LISTENED = 7443


def several_ports(name: str, instance: Instance) -> Sequence[object]:
    """A service of which only the port 9181 leads anywhere."""
    ports = [
        {"name": "tcp-dead", "port": 9180, "targetPort": NOWHERE},
        {"name": "tcp-alive", "port": 9181, "targetPort": SERVICE_PORT},
    ]
    return document("Service", name, {"selector": {"app": name}, "ports": ports}), entry(name, instance)


@proves(
    "VirtualService",
    "spec.http.mirror.port.number",
    "spec.http.mirrorPercent",
    "spec.http.mirror_percent",
    "spec.http.mirrors.destination.port.number",
)
async def test_copies_go_to_a_port_or_are_not_made(mesh: PolicyMesh) -> None:
    instance, shadow = await mesh.instance("a"), await mesh.instance("shadow")
    alive = {"host": "shadow", "port": {"number": 9181}}
    to = [{"destination": {"host": "copied"}}]
    kinds: Mapping[str, Mapping[str, object]] = {
        "/one": {"mirror": alive},
        "/many": {"mirrors": [{"destination": alive}]},
        "/none": {"mirror": alive, "mirrorPercent": 0},
        "/nothing": {"mirror": alive, "mirror_percent": 0},
    }
    rules = [{"match": [{"uri": {"exact": path}}], "route": to, **kind} for path, kind in kinds.items()]
    route = document("VirtualService", "copied", {"hosts": ["copied"], "http": [*rules, {"route": to}]})
    await mesh.add("copied", None, [instance], route, *several_ports("shadow", shadow))
    for path in ("/none", "/nothing", "/one", "/many"):
        assert (await mesh.ask("copied", path)).instance == "a"

    async def has_both() -> bool:
        return set(shadow.requests) >= {"/one", "/many"}

    await mesh.until(has_both, "two copies")
    text = await mesh.client.admin("/stats?filter=outbound.9181..shadow.default.*upstream_rq_total$")
    assert (text.strip().rpartition(" ")[2], sorted(shadow.requests)) == ("2", ["/many", "/one"])


@proves("VirtualService", "spec.hosts", "spec.exportTo")
async def test_a_route_of_another_namespace_holds_where_it_is_exported_to(mesh: PolicyMesh) -> None:
    instance = await mesh.instance("a")
    for name, export_to in (("shown", ["*"]), ("kept-away", ["."])):
        hosts = [f"{name}.default.svc.cluster.local"]
        spec = {"hosts": hosts, "exportTo": export_to, "http": [{"directResponse": {"status": 418}}]}
        mesh.write(name, {"host": name}, [instance], document("VirtualService", name, spec, namespace="others"))

    async def only_one_is_there() -> bool:
        return [(await mesh.ask(name)).status for name in ("shown", "kept-away")] == [418, 200]

    await mesh.until(only_one_is_there, "the route that is exported")


def layer_four(kind: str, name: str, **usual: object) -> object:
    """Rules of a VirtualService: whatever does not match leads to the endpoint of the host itself, where nobody is."""
    missed = (
        {"sourceLabels": {"app": "others"}},
        {"sourceNamespace": "others"},
        {"gateways": ["front"]},
        {"port": NOWHERE},
        {"destinationSubnets": ["10.0.0.0/8"]},
    )
    dead = {"destination": {"host": f"{name}-right", "port": {"number": 9180}}}
    alive = {"destination": {"host": f"{name}-right", "port": {"number": 9181}}}
    met = {
        "sourceLabels": {"app": name},
        "sourceNamespace": "default",
        "gateways": ["mesh"],
        "port": LISTENED,
        "destinationSubnets": ["127.0.0.0/8"],
    }
    rules = [{"match": [{**usual, **each}], "route": [dead]} for each in missed]
    rules.append({"match": [{**usual, **met}], "route": [alive]})
    return document("VirtualService", name, {"hosts": [NAME], "gateways": ["mesh", "front"], kind: rules})


async def connected(
    mesh: PolicyMesh, name: str, protocol: str, route: object, right: Instance, context: ssl.SSLContext | None
) -> object:
    """Who answers a client whose sidecar has a listener of this protocol."""
    ip = mesh.lab.addresses.new()
    port = {"number": LISTENED, "name": protocol.lower(), "protocol": protocol}
    dead = {"address": ip, "ports": {port["name"]: NOWHERE}}
    host = {"hosts": [NAME], "ports": [port], "resolution": "STATIC", "endpoints": [dead]}
    egress = {"port": port, "bind": ip, "hosts": ["./*"]}
    documents = (
        document("ServiceEntry", name, host),
        document("Sidecar", name, {"workloadSelector": {"labels": {"app": name}}, "egress": [egress]}),
        route,
        *several_ports(f"{name}-right", right),
    )
    mesh.lab.write(f"{name}.yaml", "---\n".join(f"{json.dumps(each)}\n" for each in documents))
    client = await mesh.lab.sidecar(name, {"app": name}, ip=ip)
    found: list[object] = []

    async def is_answered() -> bool:
        found[:] = [await _asked(client.ip, context)]
        return found != [None]

    await mesh.until(is_answered, f"an answer of {name}")
    mesh.lab.write(f"{name}.yaml", "")
    return found[0]


async def _asked(ip: str, context: ssl.SSLContext | None) -> object:
    """The instance that answers; None if none does."""
    try:
        name = NAME if context is not None else None
        reader, writer = await asyncio.open_connection(ip, LISTENED, ssl=context, server_hostname=name)
        writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        answer: object = json.loads(await reader.readuntil(b"}}"))["instance"]
    except (ConnectionError, asyncio.IncompleteReadError):
        return None
    writer.close()
    return answer


@proves(
    "VirtualService",
    "spec.tcp.match.destinationSubnets",
    "spec.tcp.match.gateways",
    "spec.tcp.match.port",
    "spec.tcp.match.sourceLabels",
    "spec.tcp.match.sourceNamespace",
    "spec.tcp.route.destination.host",
    "spec.tcp.route.destination.port.number",
)
async def test_a_connection_meets_all_of_a_match(mesh: PolicyMesh) -> None:
    route = layer_four("tcp", "wire")
    assert await connected(mesh, "wire", "TCP", route, await mesh.instance("right"), None) == "right"


@proves(
    "VirtualService",
    "spec.tls.match.destinationSubnets",
    "spec.tls.match.gateways",
    "spec.tls.match.port",
    "spec.tls.match.sourceLabels",
    "spec.tls.match.sourceNamespace",
    "spec.tls.route.destination.port.number",
)
async def test_a_tls_connection_meets_all_of_a_match(mesh: PolicyMesh) -> None:
    route = layer_four("tls", "sealed", sniHosts=[NAME])
    context = ssl.create_default_context(cafile=CERTIFICATES / "ca.pem")
    right = await mesh.instance("right", tls=Server().context)
    assert await connected(mesh, "sealed", "TLS", route, right, context) == "right"
