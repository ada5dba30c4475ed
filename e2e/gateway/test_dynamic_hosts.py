"""A gateway through which a mesh reaches whatever host below a wildcard a client names.

Names below ``localhost`` are resolved to this machine by everyone.
"""

from __future__ import annotations

import pytest

from e2e.gateway.backends import server_context
from e2e.gateway.documents import Document, connection_routes, gateway, server, to
from e2e.gateway.tls_client import REFUSALS, dialled
from e2e.gateway.yard import Yard
from e2e.policy.instance import running
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOOPBACK = "127.0.0.1"


def entry(name: str, host: str, port: int, protocol: str) -> Document:
    """A ServiceEntry whose hosts are resolved as they are asked for."""
    ports = [{"number": port, "name": protocol.lower(), "protocol": protocol}]
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": {"name": name},
        "spec": {"hosts": [host], "ports": ports, "resolution": "DYNAMIC_DNS"},
    }


@proves("ServiceEntry", "spec.resolution", "spec.hosts")
async def test_tls_is_passed_on_to_the_host_that_it_names(yard: Yard) -> None:
    wildcard, names = "*.passed.localhost", ("one.passed.localhost", "two.passed.localhost")
    context = server_context(yard.authority.issue("dynamic", *names), yard.lab.folder)
    instance = await yard.lab.stack.enter_async_context(running("a", LOOPBACK, 0, context))
    port = yard.ports()
    passing = server(port, "TLS", [wildcard], {"mode": "PASSTHROUGH"}, yard.front)
    rule = to(wildcard, instance.port, sniHosts=[wildcard])
    routes = connection_routes("dynamic-tls", ["dynamic-tls"], [wildcard], tls=[rule])
    yard.write(
        "dynamic-tls", entry("dynamic-tls", wildcard, instance.port, "TLS"), gateway("dynamic-tls", passing), routes
    )

    for name in names:
        await yard.serves(port, name)
    assert await yard.refused(port, "passed.localhost")


async def test_requests_are_sent_to_the_host_that_they_name(yard: Yard) -> None:
    wildcard = "*.plain.localhost"
    instance = await yard.lab.stack.enter_async_context(running("a", LOOPBACK, 0))
    port = yard.ports()
    routes = connection_routes("dynamic", ["dynamic"], [wildcard], http=[to(wildcard, instance.port)])
    yard.write(
        "dynamic",
        entry("dynamic", wildcard, instance.port, "HTTP"),
        gateway("dynamic", server(port, "HTTP", [wildcard], bind=yard.front)),
        routes,
    )

    async def answered() -> bool:
        try:
            async with dialled(yard.front, port) as conversation:
                return (await conversation.get(f"one.plain.localhost:{instance.port}")).status == 200
        except REFUSALS:
            return False

    await yard.until(answered, "an answer of a host below the wildcard")
    assert instance.requests
