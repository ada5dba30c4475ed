"""All sets on one Envoy: each is a workload with an address of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from e2e.authorization_matrix.client import Client, Outcome
from e2e.authorization_matrix.described import TRUST_DOMAIN, Asked, PolicySet
from e2e.authorization_matrix.documents import PROVIDER_PORT, mesh_config, of_set, shared
from e2e.authorization_matrix.redirected import ARRIVAL, inbound_listener, reachable_clusters, workload
from e2e.authorization_matrix.tokens import Issuer
from e2e.external_authorization.authorizer import grpc_authorizer
from e2e.lab import Lab
from translators import DEFAULT
from xds.app.offline import Offline, proxy_of
from xds.app.proxy_spec import ProxySpec
from xds.app.render import Document, render, static_config
from xds.app.security import open_authority
from xds.ca.encoding import certificates_pem
from xds.ca.keyed import keyed_svid
from xds.ca.service import CertificateAuthority
from xds.config.kinds.mesh_config import parse_mesh_config
from xds.model.diagnostic import Severity
from xds.model.identity import SpiffeId
from xds.sources.batch import Batch

_START_SECONDS = 60.0


@dataclass(frozen=True)
class Running:
    """Workloads that can be asked. addresses: by name of their sets."""

    addresses: Mapping[str, str]
    client: Client
    log: Path

    async def ask(self, of: PolicySet, asked: Asked) -> Outcome:
        """What becomes of it."""
        return await self.client.ask(self.addresses[of.name], asked)

    def said(self) -> Mapping[str, str]:
        """What Envoy's access log says by now, by connection."""
        lines = (line.partition("|") for line in self.log.read_text().splitlines())
        return {connection: said for connection, _, said in lines}


@asynccontextmanager
async def running(sets: Sequence[PolicySet], lab: Lab) -> AsyncIterator[Running]:
    """An Envoy that is the proxy of a workload for each of the sets."""
    authority = open_authority(lab.folder / "ca", TRUST_DOMAIN)
    log, provider, issuer = lab.folder / "access.log", lab.addresses.new(), Issuer()
    addresses = {each.name: lab.addresses.new() for each in sets}
    async with (
        workload() as backend,
        grpc_authorizer(provider, PROVIDER_PORT) as authorizer,
    ):
        own = {f"{each.name}.yaml": of_set(each, addresses[each.name], issuer.rule()) for each in sets}
        texts = {"shared.yaml": shared(provider), **own}
        config = _config(_offline(texts, log), sets, addresses, authority, backend)
        child = await lab.run_envoy("matrix", config)
        try:
            async with asyncio.timeout(_START_SECONDS):
                while not await _accepts(addresses[sets[-1].name]):  # Envoy opens them in this order
                    assert child.running, child.tail()
                    await asyncio.sleep(0.05)
            yield Running(addresses, Client(authority, lab.folder, authorizer, issuer), log)
        finally:
            await child.stop()


def _offline(texts: Mapping[str, str], log: Path) -> Offline:
    settings, problems = parse_mesh_config(mesh_config(log), "mesh.yaml")
    offline = Offline(settings, DEFAULT)
    found = (*problems, *offline.take(Batch(texts)))
    errors = [str(each) for each in found if each.severity is Severity.ERROR]
    assert not errors, "\n".join(errors)
    return offline


def _config(
    offline: Offline,
    sets: Sequence[PolicySet],
    addresses: Mapping[str, str],
    authority: CertificateAuthority,
    backend: int,
) -> Document:
    """The inbound listeners of all; of clusters with one name, which are alike, the first."""
    listeners: list[Document] = []
    clusters: dict[str, Document] = {}
    secrets = _secrets(authority)
    for each in sets:
        spec = ProxySpec("server", each.name, addresses[each.name], labels=each.labels, mtls=True)
        compiled = offline.store.compile(proxy_of(spec, offline.store.mesh))
        assert not compiled.errors, compiled.errors
        rendered = {**render(compiled.snapshot), "secrets": secrets}
        resources = static_config(rendered, with_secrets=True)["static_resources"]
        assert isinstance(resources, dict)
        listeners.append(inbound_listener(_list(resources["listeners"]), spec.ip))
        for cluster in reachable_clusters(_list(resources["clusters"]), backend):
            clusters.setdefault(str(cluster["name"]), cluster)
    static: Document = {"listeners": [*listeners], "clusters": [*clusters.values()], "secrets": [*secrets]}
    return {"static_resources": static}


def _secrets(authority: CertificateAuthority) -> list[Document]:
    """The certificate of all workloads, by the names under which proxies are sent theirs."""
    svid = keyed_svid(authority, SpiffeId.of_workload(TRUST_DOMAIN, "default", "server"))
    chain: Document = {"inline_string": svid.chain.decode()}
    key: Document = {"inline_string": svid.key.decode()}
    root: Document = {"inline_string": certificates_pem(authority.bundle).decode()}
    return [
        {"name": "default", "tls_certificate": {"certificate_chain": chain, "private_key": key}},
        {"name": "ROOTCA", "validation_context": {"trusted_ca": root}},
    ]


def _list(value: object) -> list[Document]:
    assert isinstance(value, list)
    return value


async def _accepts(address: str) -> bool:
    try:
        _, writer = await asyncio.open_connection(address, ARRIVAL)
    except ConnectionError:
        return False
    writer.close()
    return True
