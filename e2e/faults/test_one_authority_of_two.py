"""Two control planes have one authority and one name, and one of them is killed while the root is replaced."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from e2e.addresses import Addresses
from e2e.agent.world import Workload
from e2e.capture.possible import need_namespaces
from e2e.faults.pair import Pair, start_pair
from e2e.faults.secured import VERSIONS, instance, put_entry, put_strict, start_all, takes_plain_text, to_all, until
from e2e.faults.steps import RATE, live, record
from e2e.faults.table import Fault, Measured
from e2e.lab import new_lab
from e2e.load import load
from e2e.load_mesh import HOST, LoadMesh
from e2e.program import HERE
from xds.agent.identity.folder import StateFolder
from xds.agent.identity.svid import State

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAME = "pilothouse"
"""Of all control planes, in their certificates."""

_WITH_HOSTS = ("unshare", "--mount", "sh", "-ec", 'mount --bind "$0" /etc/hosts; exec "$@"')


@dataclass(frozen=True)
class Mesh:
    """The mesh, running."""

    pair: Pair
    load: LoadMesh
    workloads: tuple[Workload, ...]

    async def trust(self, *roots: x509.Certificate) -> bool:
        """Whether that is what every workload trusts."""
        wanted = {root.public_bytes(Encoding.DER) for root in roots}
        bundles = [saved(each).bundle for each in self.workloads]
        return all(bundle is not None and set(bundle.authorities) == wanted for bundle in bundles)

    async def are_signed_by(self, issuing: x509.Certificate) -> bool:
        """Whether every workload has a certificate of it."""
        svids = [saved(each).svid for each in self.workloads]
        return all(svid is not None and svid.chain[1] == issuing.public_bytes(Encoding.DER) for svid in svids)


def saved(workload: Workload) -> State:
    """What its agent keeps."""
    state = StateFolder(workload.folder / "state").load()
    assert state is not None
    return state


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory, envoy: Path, addresses: Addresses) -> AsyncIterator[Mesh]:
    need_namespaces()
    async with new_lab(tmp_path_factory.mktemp("authorities"), envoy, addresses) as lab:
        servers = {version: await instance(lab, version, None) for version in VERSIONS}
        for version, server in servers.items():
            put_entry(lab.config, server, version)
        put_strict(lab.config)
        pair = await start_pair(lab)
        lab.control_plane = NAME
        hosts = lab.folder / "hosts"
        hosts.write_text("".join(f"{address} {NAME}\n" for address in pair.control_planes))
        client = Workload("client", addresses.new(), lab.folder / "client", lab)
        workloads = client, *servers.values()
        await start_all(pair.authority, *workloads, program=replace(HERE, under=(*_WITH_HOSTS, str(hosts))))
        instances = {version: server.address for version, server in servers.items()}
        yield Mesh(pair, LoadMesh(lab, client.proxy, instances), workloads)


async def test_one_of_two_dies_while_the_root_is_replaced(mesh: Mesh, measured: list[Measured]) -> None:
    pair, authority, old = mesh.pair, mesh.pair.authority, mesh.pair.authority.active
    dying = await pair.of("client.default")
    (other,) = pair.control_planes.keys() - {dying}
    async with load(mesh.load.client, HOST, RATE) as traffic:
        await traffic.sees_all(VERSIONS)
        authority.prepare()
        await until(partial(mesh.trust, *authority.bundle), "all trust both roots")
        await pair.kill(dying)
        seconds = await live(mesh.load, traffic, "v1")
        began = time.monotonic()
        authority.activate()
        authority.taint(old.id)
        await until(partial(mesh.are_signed_by, authority.active.issuing.certificate), "all have another certificate")
        renewed = time.monotonic() - began
        authority.revoke(old.id)
        await until(partial(mesh.trust, *authority.active.roots), "all trust the new root alone")
        await pair.start(dying)
        await pair.kill(other)
        back = await live(mesh.load, traffic, "v2")
        assert not await takes_plain_text(mesh.load)
        mesh.load.put("virtual-service", to_all())
        await traffic.sees_all(VERSIONS)
    assert authority.stored.authorities.keys() == {authority.active.id} != {old.id}
    text = (
        f"a change at that moment is live after {seconds:.1f} s; the other gives all workloads certificates of the new "
        f"root within {renewed:.1f} s of it; killed in turn, it leaves them to the first, which knows that root: a "
        f"change is live after {back:.1f} s"
    )
    record(measured, Fault.ONE_AUTHORITY_OF_TWO, traffic, text)
