"""Gateways with identities: what they say to workloads, and whom they let in by mutual TLS."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from e2e.mtls.world import CLIENT, HTTP, NETWORKING, NOBODY, REFUSED, TCP, World, document
from e2e.proofs import proves
from xds.app.security import open_authority
from xds.ca.keyed import keyed_svid
from xds.model.identity import SpiffeId

pytestmark = pytest.mark.asyncio(loop_scope="session")

GATEWAY = SpiffeId.of_workload("cluster.local", "default", "gateway")
SHOP, LINES, OUTSIDE = "shop.example.com", "lines.example.com", "outside.example.com"
PLAIN, MUTUAL, EGRESS = 8080, 8443, 8444
STRICT = {"mode": "STRICT"}
ISTIO_MUTUAL = {"mode": "ISTIO_MUTUAL"}


def _gateway(world: World, port: int, protocol: str, *hosts: str, tls: object = None) -> dict[str, object]:
    """A server of the gateway."""
    place = {"number": port, "name": f"{protocol}-{port}".lower(), "protocol": protocol}
    return {"port": place, "bind": world.gateway.ip, "hosts": hosts, **({"tls": tls} if tls else {})}


def _documents(world: World, outside: str) -> tuple[object, ...]:
    """Ingress in plain text and by mutual TLS, and the recipe of Istio's for an egress gateway."""
    servers = [
        _gateway(world, PLAIN, "HTTP", SHOP),
        _gateway(world, MUTUAL, "HTTPS", SHOP, tls=ISTIO_MUTUAL),
        _gateway(world, MUTUAL, "TLS", LINES, tls=ISTIO_MUTUAL),
        _gateway(world, EGRESS, "HTTPS", OUTSIDE, tls=ISTIO_MUTUAL),
    ]
    to_server = {"route": [{"destination": {"host": "server", "port": {"number": HTTP}}}]}
    to_lines = {"route": [{"destination": {"host": "server", "port": {"number": TCP}}}]}
    to_gateway = {"destination": {"host": "egress", "subset": "outside", "port": {"number": EGRESS}}}
    through = [
        {"match": [{"gateways": ["mesh"]}], "route": [to_gateway]},
        {"match": [{"gateways": ["gateway"]}], "route": [{"destination": {"host": OUTSIDE, "port": {"number": 80}}}]},
    ]
    tls = {"portLevelSettings": [{"port": {"number": EGRESS}, "tls": {**ISTIO_MUTUAL, "sni": OUTSIDE}}]}
    host = {
        "hosts": [OUTSIDE],
        "location": "MESH_EXTERNAL",
        "resolution": "STATIC",
        "ports": [{"number": 80, "name": "http", "protocol": "HTTP", "targetPort": 9080}],
        "endpoints": [{"address": outside}],
    }
    entry = {"address": world.gateway.ip, "labels": {"app": "egress"}, "serviceAccount": "gateway"}
    ports = [{"name": "https", "port": EGRESS}]
    return (
        document(NETWORKING, "Gateway", "gateway", {"selector": {"app": "gateway"}, "servers": servers}),
        document(NETWORKING, "VirtualService", "shop", _at_gateway(SHOP, http=[to_server])),
        document(NETWORKING, "VirtualService", "lines", _at_gateway(LINES, tcp=[to_lines])),
        document(NETWORKING, "ServiceEntry", "outside", host),
        document("v1", "Service", "egress", {"selector": {"app": "egress"}, "ports": ports}),
        document(NETWORKING, "WorkloadEntry", "egress", entry),
        document(
            NETWORKING,
            "DestinationRule",
            "egress",
            {"host": "egress", "subsets": [{"name": "outside", "trafficPolicy": tls}]},
        ),
        document(
            NETWORKING,
            "VirtualService",
            "outside",
            {"hosts": [OUTSIDE], "gateways": ["mesh", "gateway"], "http": through},
        ),
    )


def _at_gateway(host: str, **rules: object) -> dict[str, object]:
    return {"hosts": [host], "gateways": ["gateway"], **rules}


async def test_a_gateway_speaks_mutual_tls_with_workloads(world: World) -> None:
    world.policy(mtls=STRICT)
    world.write("gateway", *_documents(world, "192.0.2.1"))
    url = f"http://{world.gateway.ip}:{PLAIN}/"
    await world.until(partial(world.directly, url, host=SHOP), str(GATEWAY))


@proves("Gateway", "spec.servers.tls.mode")
async def test_a_gateway_lets_workloads_in_and_nobody_else(world: World, tmp_path: Path) -> None:
    world.policy(mtls=STRICT)
    world.write("gateway", *_documents(world, "192.0.2.1"))
    own, url = keyed_svid(world.authority, CLIENT), f"https://{world.gateway.ip}:{MUTUAL}/"
    await world.until(partial(world.directly, url, host=SHOP, tls=world.tls(own, "http/1.1")), f"{CLIENT} > {GATEWAY}")
    namesake = keyed_svid(open_authority(tmp_path / "ca", "cluster.local"), CLIENT)
    for shown in (None, namesake):
        assert await world.directly(url, host=SHOP, tls=world.tls(shown, "http/1.1")) == REFUSED
    assert await world.directly(f"http://{world.gateway.ip}:{MUTUAL}/", host=SHOP) == REFUSED
    # a connection and not requests: what is in it is passed on to a port that is not HTTP
    assert await world.directly(url, host=LINES, tls=world.tls(own, "istio")) == NOBODY
    assert await world.directly(url, host=LINES, tls=world.tls(namesake, "istio")) == REFUSED


@proves(
    "DestinationRule",
    "spec.subsets.trafficPolicy.portLevelSettings.tls.mode",
    "spec.subsets.trafficPolicy.portLevelSettings.tls.sni",
)
async def test_requests_leave_the_mesh_by_a_gateway_that_knows_who_sends_them(world: World) -> None:
    world.write("gateway", *_documents(world, await world.lab.echo("outside")))
    await world.until(partial(world.asked, f"http://{OUTSIDE}/"), str(CLIENT))
    assert await world.stat(world.gateway, rf"^cluster\.outbound.*\|{OUTSIDE}\.upstream_cx_total$")
    assert await world.stat(world.client, rf"^cluster\.outbound.*\|{OUTSIDE}\.upstream_cx_total$") == 0
    assert await world.directly(f"http://{world.gateway.ip}:{EGRESS}/", host=OUTSIDE) == REFUSED
