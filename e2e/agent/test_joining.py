"""A machine of which the mesh's configuration knows nothing but its kind joins with three things (docs/vm.md)."""

from __future__ import annotations

import shutil

import pytest

from e2e.agent.application import application
from e2e.agent.world import PORT, REFUSED, Workload, World, document, service_of, until

pytestmark = pytest.mark.asyncio(loop_scope="package")

NAME = "till"


async def test_a_token_a_root_certificate_and_an_address_are_enough(world: World) -> None:
    group = {
        "metadata": {"labels": {"app": NAME, "security.istio.io/tlsMode": "istio"}},
        "template": {"ports": {"http": PORT}, "serviceAccount": NAME},
    }
    async with application() as made:
        machines = document("networking.istio.io/v1", "WorkloadGroup", "tills", group)
        world.write(NAME, *service_of(NAME, made.port), machines)
        machine = Workload(NAME, world.lab.addresses.new(), world.lab.folder / "elsewhere", world.lab)
        machine.folder.mkdir()
        brought = machine.folder / "root-cert.pem"
        shutil.copy(world.lab.folder / "ca" / "root-cert.pem", brought)
        await machine.start("--root-cert", str(brought), "--workload-group", "tills", *world.join_token(NAME))

        await until(lambda: world.ask("/", NAME), world.client.identity)
        await until(lambda: machine.ask("/", "server"), machine.identity)
        await machine.child.stop()
        await until(lambda: world.ask("/", NAME), REFUSED)
