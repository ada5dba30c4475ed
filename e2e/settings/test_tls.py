"""Versions, cipher suites and curves that the mesh has for TLS where nothing says otherwise."""

from __future__ import annotations

import asyncio
import json
import ssl
from pathlib import Path

import pytest

from e2e.addresses import Addresses
from e2e.lab import SERVICE_PORT
from e2e.policy.instance import running
from e2e.proofs import proves
from e2e.services import service
from e2e.settings.world import World, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

CERTIFICATES = Path(__file__).parents[1] / "policy/certificates"
TLS_PORT = 8443
SMALL, LARGE = "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"


def client(curve: str = "") -> ssl.SSLContext:
    """One that believes anybody. curve: the only one that it knows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if curve:
        context.set_ecdh_curve(curve)
    return context


def at_most_1_2(context: ssl.SSLContext, ciphers: str = "") -> ssl.SSLContext:
    """The same without TLS 1.3, where cipher suites can be chosen."""
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    if ciphers:
        context.set_ciphers(ciphers)
    return context


async def agreed(world: World, context: ssl.SSLContext) -> str:
    """Version and cipher suite that the gateway agrees to; empty if it does not."""
    try:
        _, writer = await asyncio.open_connection(
            world.gateway.ip, TLS_PORT, ssl=context, server_hostname="secure.example.com"
        )
    except OSError:
        return ""
    cipher = writer.get_extra_info("cipher")
    writer.close()
    return f"{cipher[1]} {cipher[0]}"


@proves("MeshConfig", "tlsDefaults.minProtocolVersion", "tlsDefaults.cipherSuites", "tlsDefaults.ecdhCurves")
async def test_what_gateways_agree_to(world: World) -> None:
    files = (CERTIFICATES / "server.pem", CERTIFICATES / "server.key")
    world.lab.write("secure.yaml", _GATEWAY.format(ip=world.gateway.ip, certificate=files[0], key=files[1]))

    async def is_there() -> bool:
        return bool(await agreed(world, client()))

    await until(is_there, "the gateway ends TLS")
    assert await agreed(world, at_most_1_2(client(), SMALL)) == f"TLSv1.2 {SMALL}"

    async def are_chosen() -> bool:
        refused = await agreed(world, at_most_1_2(client(), SMALL))
        return not refused and await agreed(world, at_most_1_2(client())) == f"TLSv1.2 {LARGE}"

    await world.configured(f"tlsDefaults: {{cipherSuites: [{LARGE}]}}", are_chosen)

    async def only_one_curve() -> bool:
        return bool(await agreed(world, client("secp384r1"))) and not await agreed(world, client("prime256v1"))

    await world.configured("tlsDefaults: {ecdhCurves: [P-384]}", only_one_curve)

    async def only_the_newest() -> bool:
        newest = (await agreed(world, client())).startswith("TLSv1.3")
        return newest and not await agreed(world, at_most_1_2(client()))

    await world.configured("tlsDefaults: {minProtocolVersion: TLSV1_3}", only_the_newest)


@proves("MeshConfig", "tlsDefaults.minProtocolVersion", "tlsDefaults.cipherSuites", "tlsDefaults.ecdhCurves")
async def test_what_proxies_ask_for(world: World, addresses: Addresses) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(CERTIFICATES / "server.pem", CERTIFICATES / "server.key")
    server.set_ecdh_curve("prime256v1")
    at_most_1_2(server, SMALL)
    address = addresses.new()
    await world.lab.stack.enter_async_context(running("secret", address, SERVICE_PORT, server))
    rule = {"host": "secret", "trafficPolicy": {"tls": {"mode": "SIMPLE", "insecureSkipVerify": True}}}
    services = service("secret", {"v1": address}).partition("---\napiVersion: networking.istio.io/v1\nkind: Dest")[0]
    world.lab.write("secret.yaml", f"{services}---\n{_RULE}spec: {json.dumps(rule)}\n")

    async def is_answered() -> bool:
        return (await world.client.get("secret")).ok

    async def is_refused() -> bool:
        return (await world.client.get("secret")).status == 503

    await until(is_answered, "an answer")
    for settings in (
        "minProtocolVersion: TLSV1_3",
        f"cipherSuites: [{LARGE}]",
        "ecdhCurves: [P-384]",
    ):
        world.configure("")
        await until(is_answered, "an answer")
        await world.configured(f"tlsDefaults: {{{settings}}}", is_refused)


_RULE = """\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: secret
"""

_GATEWAY = f"""\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata:
  name: secure
spec:
  selector:
    istio: ingressgateway
  servers:
  - port:
      number: {TLS_PORT}
      name: https
      protocol: HTTPS
    bind: {{ip}}
    tls:
      mode: SIMPLE
      serverCertificate: {{certificate}}
      privateKey: {{key}}
    hosts:
    - secure.example.com
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: secure
spec:
  hosts:
  - secure.example.com
  gateways:
  - secure
  http:
  - route:
    - destination:
        host: whole
"""
