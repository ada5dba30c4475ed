"""A Service in front of the gateway: its ports are what servers name, and its targets where the gateway listens."""

from __future__ import annotations

import pytest

from e2e.gateway.documents import LABELS, gateway, https_routes, server
from e2e.gateway.yard import Yard, instance, seen
from xds.app.explain.target import Asked

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAME = "shop.example.com"


async def test_the_gateway_listens_where_its_service_leads(yard: Yard) -> None:
    port = yard.ports()
    in_front = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "ingress"},
        "spec": {"selector": LABELS, "ports": [{"name": "https", "port": 443, "targetPort": port}]},
    }
    listening = server(443, "HTTPS", [NAME], {"mode": "SIMPLE", "credentialName": "public"}, yard.front)
    routes = https_routes("public", ["public"], [NAME], port=443)
    yard.write("public", in_front, gateway("public", listening), routes, yard.certificate("public", NAME))
    await yard.serves(port, NAME)

    reply = await yard.get(port, NAME)
    assert instance(reply) == "v1"
    dialled = Asked("GET", f"https://{NAME}/", (("host", NAME),), yard.front)
    yard.explained.check(yard.spec, dialled, seen(reply))
