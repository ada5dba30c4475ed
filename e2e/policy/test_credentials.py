"""Credentials by name: a sidecar that a rule is for asks for the secret, and a missing one harms nothing else."""

from __future__ import annotations

from e2e.lab import Lab
from e2e.policy.mesh import PolicyMesh
from e2e.policy.test_tls import NAME, Server
from e2e.proofs import proves
from e2e.witness import Witness
from examples.bookinfo.topology import MESH_CONFIG

SELECTED = {"app": "client"}


def rule(credential: str) -> object:
    tls = {"mode": "MUTUAL", "credentialName": credential, "sni": NAME, "subjectAltNames": [NAME]}
    return {"host": "secret", "trafficPolicy": {"tls": tls}, "workloadSelector": {"matchLabels": SELECTED}}


async def start(lab: Lab, *options: str) -> PolicyMesh:
    lab.write("nothing.yaml", "")
    lab.witness = Witness(lab.config, MESH_CONFIG)
    await lab.serve(*options)
    return PolicyMesh(lab, await lab.sidecar("client", SELECTED))


@proves("DestinationRule", "spec.trafficPolicy.tls.credentialName", "spec.workloadSelector.matchLabels")
async def test_a_client_shows_the_certificate_that_it_asks_for(lab: Lab) -> None:
    mesh = await start(lab, "--translators", "e2e.policy.secrets:TRANSLATORS")
    server = await Server(mutual=True).instance(mesh)
    await mesh.add_rule("secret", rule("client"), [server])
    assert server.connections > 0


async def test_a_secret_that_never_comes_fails_its_own_connections_only(lab: Lab) -> None:
    mesh = await start(lab)
    server = await Server(mutual=True).instance(mesh)
    mesh.write("secret", rule("missing"), [server])
    await mesh.add("plain", None, [await mesh.instance("b")])
    late = await lab.sidecar("late", SELECTED)
    assert (await late.get("secret")).status == 503
    assert await late.instance("plain") == "b"
    assert server.connections == 0
