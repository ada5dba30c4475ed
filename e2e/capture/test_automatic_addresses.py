"""Hosts without addresses, told apart by the automatic ones that a workload resolves them to."""

from __future__ import annotations

import pytest

from e2e.capture.mesh import CaptureMesh
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(("host", "instance"), [("one", "outside"), ("two", "reviews-v1")])
@proves("ProxyConfig", "spec.environmentVariables", "spec.selector.matchLabels")
async def test_hosts_on_one_port_of_plain_tcp_are_told_apart(mesh: CaptureMesh, host: str, instance: str) -> None:
    resolving = mesh.callers["resolving"]

    assert await resolving.say(f"{host}.automatic.example.com", 9300, "hello") == [f"{instance} hello"]


async def test_without_them_the_first_host_has_the_port(mesh: CaptureMesh) -> None:
    answers = [(await mesh.client.say(f"{host}.automatic.example.com", 9300, "hello"))[0] for host in ("one", "two")]

    assert len({answer.split()[0] for answer in answers}) == 1
