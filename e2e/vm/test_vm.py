"""A machine joins with a token, a root certificate and an address, is called and calls under mutual TLS, and leaves."""

from __future__ import annotations

import asyncio
import stat
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from e2e.agent.world import as_text, document, until
from e2e.capture.caller import Caller
from e2e.capture.possible import need_namespaces
from e2e.capture.servers import http_server
from e2e.netmesh import MONITORING, PROXY_USER, STATUS_PORT, NetMesh, netmesh
from e2e.netmesh_plan import TRUST_DOMAIN, Member, Plan
from e2e.vm import guide
from e2e.vm.machine import Machine
from e2e.wire import tapped
from examples.bookinfo.topology import MESH_CONFIG, REPOSITORY
from xds.app.demo.bring_up import is_ready
from xds.app.demo.processes import Child

pytestmark = pytest.mark.asyncio(loop_scope="module")

ADDRESS = "10.77.0.7"
TILL, STOCK = "till.shop.svc.cluster.local", "stock.shop.svc.cluster.local"
TILL_PORT, STOCK_PORT = 8080, 8081
NAMES = {TILL: "10.96.0.2", STOCK: "10.96.0.1"}
REFUSED = "refused"
ENTRY = f"registered:shop/tills-{ADDRESS}"


def identity(account: str) -> str:
    return f"spiffe://{TRUST_DOMAIN}/ns/shop/sa/{account}"


def stock() -> str:
    """The other workload, which the machine calls, and which calls it; and that nothing but mutual TLS is taken."""
    ports = [{"name": "http", "port": STOCK_PORT, "appProtocol": "http"}]
    labels = {"labels": {"app": "stock", "security.istio.io/tlsMode": "istio"}}
    documents = [
        document("v1", "Service", "stock", {"selector": {"app": "stock"}, "ports": ports}),
        document("networking.istio.io/v1", "WorkloadGroup", "stock", {"metadata": labels, "template": {}}),
        document("security.istio.io/v1", "PeerAuthentication", "default", {"mtls": {"mode": "STRICT"}}),
    ]
    return as_text(*documents).replace('"namespace": "default"', '"namespace": "shop"')


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory, envoy: Path) -> AsyncIterator[NetMesh]:
    need_namespaces()
    source = tmp_path_factory.mktemp("configuration")
    (source / "tills.yaml").write_text(guide.configuration())
    (source / "stock.yaml").write_text(stock())
    member = Member("stock", "10.77.0.8", "stock", ("--workload-group", "stock"), namespace="shop")
    plan = Plan((member,), source, MESH_CONFIG, NAMES, {"machine": ADDRESS})
    async with netmesh(tmp_path_factory.mktemp("vm"), envoy, plan) as made:
        yield made


@pytest.fixture(scope="module")
def machine(mesh: NetMesh) -> Iterator[Machine]:
    with tempfile.TemporaryDirectory(prefix="pilothouse-vm-") as name:
        Path(name).chmod(0o755)
        yield Machine(mesh.members["machine"], Path(name), mesh.processes)


async def answered(caller: Caller, host: str, port: int) -> str:
    """Whom a server takes the caller for; `REFUSED` without an answer of it."""
    try:
        reply = await caller.get(f"http://{host}:{port}/")
    except (aiohttp.ClientError, OSError, TimeoutError):
        return REFUSED
    if not reply.received:
        return REFUSED
    shown = reply.saw("x-forwarded-client-cert") or "URI=nobody"
    return shown.rpartition("URI=")[2].partition(";")[0]


async def has_entry(mesh: NetMesh) -> bool:
    """Whether the control plane knows the machine's WorkloadEntry."""
    async with mesh.session(mesh.hub) as session, session.get(f"http://{MONITORING}/debug/configz") as response:
        return ENTRY in await response.text()


async def until_ready(mesh: NetMesh, agent: Child) -> None:
    """Returns when the guide's first question is answered as it should be."""

    async def is_it() -> bool:
        assert agent.running, agent.tail()
        async with mesh.session(mesh.members["machine"]) as session:
            return await is_ready(session, f"http://127.0.0.1:{STATUS_PORT}/healthz/ready")

    await until(is_it, True)


async def brought(mesh: NetMesh, folder: Path) -> Path:
    """What an operator brings: the root certificate, and a token that is made as the guide says."""
    create = ("token", "create", "--ca-dir", str(mesh.folder / "ca"), "--spiffe-id", identity("till"), "--ttl", "30m")
    token = await pilothouse(*create)
    (folder / "till.token").write_text(token)
    (folder / "root-cert.pem").write_bytes((mesh.folder / "ca" / "root-cert.pem").read_bytes())
    return folder


async def pilothouse(*arguments: str, namespace: str = "") -> str:
    """What a command prints."""
    inside = ("ip", "netns", "exec", namespace) if namespace else ()
    argv = (*inside, sys.executable, "-m", "xds.app.cli", *arguments)
    child = await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.PIPE, cwd=REPOSITORY)
    printed, _ = await child.communicate()
    assert child.returncode == 0
    return printed.decode()


async def test_a_machine_joins_speaks_and_leaves(mesh: NetMesh, machine: Machine, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        for name, port in (("machine", TILL_PORT), ("stock", STOCK_PORT)):
            listening = mesh.members[name].listen(port)
            await stack.enter_async_context(http_server(name, listening))
        till, other, stranger = (Caller(each, NAMES) for each in (machine.namespace, mesh.members["stock"], mesh.hub))
        for caller in (till, other, stranger):
            stack.push_async_callback(caller.close)

        await machine.install(await brought(mesh, tmp_path))
        await machine.capture("ExecStart")
        assert await answered(till, STOCK, STOCK_PORT) == REFUSED, "nothing leaves a machine whose Envoy is not there"
        agent = await machine.start_agent()
        await until_ready(mesh, agent)
        await until(partial(has_entry, mesh), True)
        row = await pilothouse("proxy-status", "till-1.shop", "--monitoring", MONITORING, namespace=mesh.hub.name)
        assert "till-1.shop" in row

        async with tapped(mesh.hub) as wire:
            await until(partial(answered, other, TILL, TILL_PORT), identity("stock"))
            await until(partial(answered, till, STOCK, STOCK_PORT), identity("till"))
        for port in (TILL_PORT, STOCK_PORT):
            assert wire.of_port(port)
            assert not any(b"HTTP/1.1" in packet for flow in wire.of_port(port) for packet in flow)
        assert await answered(stranger, ADDRESS, TILL_PORT) == REFUSED

        assert await agent.stop(30) == 0
        assert await answered(other, TILL, TILL_PORT) == REFUSED
        await until(partial(has_entry, mesh), False)
        agent = await machine.start_agent()  # the token is spent
        await until_ready(mesh, agent)
        await until(partial(answered, other, TILL, TILL_PORT), identity("stock"))

        assert await agent.stop(30) == 0
        await machine.capture("ExecStop")
        assert "PILOTHOUSE" not in await machine.run("iptables-save", "-t", "nat")
        assert await answered(stranger, ADDRESS, TILL_PORT) == "nobody"


async def test_what_was_brought_is_for_its_user_alone(machine: Machine) -> None:
    etc, state = machine.at("/etc/pilothouse"), machine.at("/var/lib/pilothouse")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (*etc.iterdir(), state, state / "identity.json")}
    assert modes == {"root-cert.pem": 0o644, "till.token": 0o600, "pilothouse": 0o700, "identity.json": 0o600}
    assert {path.stat().st_uid for path in (etc / "till.token", state / "identity.json")} == {PROXY_USER}
