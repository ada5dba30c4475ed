"""What a control plane with a certificate authority has, and one without has not: identities, and who is trusted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from xds.app.address import split_address
from xds.app.authority_findings import authority_findings
from xds.app.bundles import AuthorityBundles
from xds.app.federation import Federation
from xds.app.oidc import OidcIssuers
from xds.app.security import follow, open_authority, security_of
from xds.app.serve_options import ServeOptions
from xds.app.workload_secrets import WorkloadSecrets
from xds.ca.profile import Lifetimes
from xds.ca.service import CertificateAuthority, Policy
from xds.ca.spiffe_bundle import FederatedBundle
from xds.model.diagnostic import Diagnostic
from xds.model.identity import SpiffeId
from xds.model.settings import MeshSettings
from xds.server import Security, SnapshotSource

_CLOCK_SECONDS: Final = 10.0
"""How often it is looked whether the clock has been set."""


class AuthoritySide:
    """The authority, the bundles of other trust domains, and whoever is told when either changes."""

    def __init__(
        self, options: ServeOptions, ca_dir: Path, settings: MeshSettings, changed: Callable[[], None]
    ) -> None:
        """changed: is told after everybody here. Raises StartError."""
        self.authority = _open(options, ca_dir, settings)
        self._folders = ca_dir, options.ca_certs
        self._changed = changed
        self._federation = Federation(options.federate, settings.trust_domains, ca_dir, self._spread)
        self._federation.start()
        self._bundles = AuthorityBundles(self.authority, self._federated)
        self._interested = [self._bundles.changed]
        self._secrets: WorkloadSecrets | None = None

    def with_secrets(self, source: SnapshotSource) -> WorkloadSecrets:
        """The source, and the secrets of those who have proven who they are."""
        self._secrets = WorkloadSecrets(source, self.authority, self._federated)
        self._interested.append(self._secrets.changed)
        return self._secrets

    def security(self, options: ServeOptions, root_namespace: str) -> Security:
        """What the server needs. Raises StartError."""
        host, _ = split_address(options.secure_listen)
        issuers = OidcIssuers(options.oidc_issuers, time.monotonic)
        issuers.check()
        return security_of(self.authority, issuers, self._bundles, root_namespace, host)

    def configure(self, settings: MeshSettings) -> None:
        """Takes in what settings say of the trust domain."""
        if self.authority.aliases != settings.trust_domain_aliases:
            self.authority.aliases = settings.trust_domain_aliases
            self._spread()

    def findings(self, connected: set[SpiffeId]) -> tuple[Diagnostic, ...]:
        """What there is to say now. connected: whose streams are open."""
        of_authority = authority_findings(self.authority, *self._folders, connected, datetime.now(UTC))
        return (*of_authority, *self._federation.findings())

    async def run(self) -> None:
        """Takes in what others do to the folders, rotates by age, and asks for bundles again, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(follow(self.authority, *self._folders, self._spread))
            tasks.create_task(self._federation.run())
            if self._secrets:
                tasks.create_task(_look_at_the_clock(self._secrets))

    def _federated(self) -> tuple[FederatedBundle, ...]:
        return self._federation.bundles

    def _spread(self) -> None:
        for tell in self._interested:
            tell()
        self._changed()


async def _look_at_the_clock(secrets: WorkloadSecrets) -> None:
    while True:
        await asyncio.sleep(_CLOCK_SECONDS)
        secrets.look(datetime.now(UTC))


def _open(options: ServeOptions, ca_dir: Path, settings: MeshSettings) -> CertificateAuthority:
    lifetimes = Lifetimes.of_workloads(options.workload_cert_ttl, options.max_workload_cert_ttl)
    policy = Policy(key_type=options.ca_key_type, lifetimes=lifetimes)
    authority = open_authority(ca_dir, settings.trust_domain, policy, options.ca_certs)
    authority.aliases = settings.trust_domain_aliases
    return authority
