"""``pilothouse capture`` by itself: which connections its rules lead where, told by who answers."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest
import pytest_asyncio

from e2e.capture.namespaces import Namespace, ipv6_of, network
from e2e.capture.possible import need_namespaces
from e2e.capture.redirection import PROXY_GROUP

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOST, PEER = "10.77.0.10", "10.77.0.20"
SERVED = (22, 80, 443, 15001, 15006, 15020)
"""Where both listen. 15001 and 15006 are the proxy's."""

_COMMAND = (sys.executable, "-m", "xds.app.cli", "capture")
_ORIGINAL_DST = 80
"""SO_ORIGINAL_DST, of both versions of IP."""

BOTH = pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["ipv4", "ipv6"])
BACKENDS = pytest.mark.parametrize("backend", ["nft", "legacy"])


@dataclass(frozen=True)
class Pair:
    """A workload's host, where rules are made, and another one."""

    host: Namespace
    peer: Namespace

    def capture(self, *arguments: str) -> str:
        """Runs the command on the workload's host."""
        return self.host.run(*_COMMAND, *arguments)

    async def out(self, port: int, family: socket.AddressFamily, uid: int | None = None, to: str = PEER) -> str:
        """Who answers what the workload's host sends."""
        return await _ask(self.host.open_socket(family, uid), to, port)

    async def into(self, port: int, family: socket.AddressFamily) -> str:
        """Who answers the peer at the workload's host."""
        return await _ask(self.peer.open_socket(family), HOST, port)


async def _ask(sock: socket.socket, ip: str, port: int) -> str:
    sock.setblocking(False)
    address = ip if sock.family is socket.AF_INET else ipv6_of(ip)
    loop = asyncio.get_running_loop()
    with sock:
        await loop.sock_connect(sock, (address, port))
        return (await loop.sock_recv(sock, 100)).decode()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def pair() -> AsyncIterator[Pair]:
    """Both hosts, with servers that say who they are."""
    need_namespaces()
    with network({"host": HOST, "peer": PEER}) as members:
        pair = Pair(members["host"], members["peer"])
        async with AsyncExitStack() as stack:
            for name, namespace in (("host", pair.host), ("peer", pair.peer)):
                for family in (socket.AF_INET, socket.AF_INET6):
                    for port in SERVED:
                        await stack.enter_async_context(_server(name, namespace.listen(port, family)))
            yield pair


@pytest.fixture(autouse=True)
def clean(pair: Pair) -> Iterator[None]:
    """Every test begins, and ends, without rules."""
    yield
    for backend in ("nft", "legacy"):
        pair.capture("remove", "--backend", backend)


@asynccontextmanager
async def _server(name: str, listening: socket.socket) -> AsyncIterator[None]:
    """Says who it is, and where the connection was going when it was not to here."""
    port = listening.getsockname()[1]

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wanted = _original_port(writer.get_extra_info("socket"))
        writer.write(f"{name}:{port}{f' for {wanted}' if wanted != port else ''}".encode())
        writer.close()

    async with await asyncio.start_server(answer, sock=listening):
        yield


def _original_port(sock: socket.socket) -> int:
    level, size = (socket.IPPROTO_IP, 16) if sock.family is socket.AF_INET else (socket.IPPROTO_IPV6, 28)
    try:
        found = sock.getsockopt(level, _ORIGINAL_DST, size)
    except OSError:  # what was never redirected has no other destination
        return int(sock.getsockname()[1])
    return int(struct.unpack_from("!2xH", found)[0])


@BOTH
@BACKENDS
async def test_all_that_leaves_and_arrives_is_captured(pair: Pair, family: socket.AddressFamily, backend: str) -> None:
    pair.capture("apply", "--backend", backend)

    assert await pair.out(80, family) == "host:15001 for 80"
    assert await pair.into(80, family) == "host:15006 for 80"


@BOTH
async def test_what_the_proxy_sends_is_not_captured(pair: Pair, family: socket.AddressFamily) -> None:
    pair.capture("apply", "--proxy-uid", "4711")

    assert await pair.out(80, family, uid=4711) == "peer:80"
    assert await pair.out(80, family, uid=PROXY_GROUP) == "host:15001 for 80"


@BOTH
async def test_a_workload_that_calls_itself_through_the_mesh_is_captured_when_it_arrives(
    pair: Pair, family: socket.AddressFamily
) -> None:
    pair.capture("apply", "--proxy-uid", "4711")

    assert await pair.out(80, family, uid=4711, to=HOST) == "host:15006 for 80"
    assert await pair.out(80, family, to=HOST) == "host:80"


@BOTH
async def test_what_the_proxy_hands_over_is_not_captured_again(pair: Pair, family: socket.AddressFamily) -> None:
    pair.capture("apply", "--proxy-uid", "4711")
    sock = pair.host.open_socket(family, uid=4711)
    sock.bind(("127.0.0.6" if family is socket.AF_INET else "::6", 0))

    assert await _ask(sock, HOST, 80) == "host:80"


async def test_health_metrics_and_the_way_in_for_people_stay_open(pair: Pair) -> None:
    pair.capture("apply")

    assert await pair.into(15020, socket.AF_INET) == "host:15020"
    assert await pair.into(22, socket.AF_INET) == "host:22"


async def test_ports_are_excluded_and_included(pair: Pair) -> None:
    pair.capture("apply", "--exclude-inbound-ports", "80", "--exclude-outbound-ports", "443")

    assert await pair.into(80, socket.AF_INET) == "host:80"
    assert await pair.into(443, socket.AF_INET) == "host:15006 for 443"
    assert await pair.out(443, socket.AF_INET) == "peer:443"
    assert await pair.out(80, socket.AF_INET) == "host:15001 for 80"

    pair.capture("apply", "--include-inbound-ports", "22,80", "--include-outbound-ip-ranges", "")

    assert await pair.into(22, socket.AF_INET) == "host:15006 for 22"
    assert await pair.into(443, socket.AF_INET) == "host:443"
    assert await pair.out(80, socket.AF_INET) == "peer:80"


@BOTH
async def test_ranges_of_addresses_are_excluded_and_included(pair: Pair, family: socket.AddressFamily) -> None:
    pair.capture("apply", "--exclude-outbound-ip-ranges", "10.77.0.0/24,fd77::/64")

    assert await pair.out(80, family) == "peer:80"

    pair.capture("apply", "--include-outbound-ip-ranges", "10.77.0.20/32,fd77::14/128")

    assert await pair.out(80, family) == "host:15001 for 80"

    pair.capture("apply", "--include-outbound-ip-ranges", "10.1.0.0/16", "--include-outbound-ports", "443")

    assert await pair.out(80, family) == "peer:80"
    assert await pair.out(443, family) == "host:15001 for 443"


async def test_interfaces_are_excluded_by_an_annotation_of_istio(pair: Pair) -> None:
    pair.capture("apply", "--annotation", "traffic.sidecar.istio.io/excludeInterfaces=eth0")

    assert await pair.out(80, socket.AF_INET) == "peer:80"
    assert await pair.into(80, socket.AF_INET) == "host:80"


@BACKENDS
async def test_rules_are_replaced_and_removed_and_those_of_others_stay(pair: Pair, backend: str) -> None:
    tables = (f"iptables-{backend}", f"ip6tables-{backend}")
    for table in tables:
        pair.host.run(table, "-t", "nat", "-A", "OUTPUT", "-p", "tcp", "--dport", "9", "-j", "ACCEPT")
    before = [_rules(pair.host, table) for table in tables]

    pair.capture("apply", "--backend", backend, "--exclude-inbound-ports", "80")
    pair.capture("apply", "--backend", backend)
    once = [_rules(pair.host, table) for table in tables]
    pair.capture("apply", "--backend", backend)
    shown = pair.capture("show", "--backend", backend)

    assert [_rules(pair.host, table) for table in tables] == once
    assert shown.count("-A OUTPUT -p tcp -j PILOTHOUSE_OUTBOUND") == 2
    assert "--dports 80" not in shown

    pair.capture("remove", "--backend", backend)
    pair.capture("remove", "--backend", backend)

    assert [_rules(pair.host, table) for table in tables] == before
    assert "::6" not in pair.host.run("ip", "-6", "address", "show", "dev", "lo")
    assert await pair.out(80, socket.AF_INET) == "peer:80"


def _rules(namespace: Namespace, table: str) -> list[str]:
    saved = namespace.run(f"{table}-save", "-t", "nat")
    return [line for line in saved.splitlines() if line.startswith("-A") or "PILOTHOUSE" in line]
