"""Certificates for proxies without an agent beside them, over the stream by which they have proven who they are (SDS).

A stream of a proven identity gets that identity's certificate and key, and what others' are checked against; a stream
of none gets neither. The keys are in no store, so that no page or command can show them: they are put into a proxy's
resources on their way out.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from cryptography import x509
from envoy_data_plane.envoy.config.core.v3 import DataSource
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import (
    CertificateValidationContext,
    Secret,
    TlsCertificate,
)

from xds.app.security import record
from xds.ca.encoding import certificates_pem
from xds.ca.errors import CertificateError
from xds.ca.keyed import KeyedSvid, keyed_svid
from xds.ca.service import CertificateAuthority
from xds.model.identity import SpiffeId
from xds.model.proxy import Proxy
from xds.pipeline.translator import resource_of
from xds.resources import SECRET, Resource, ResourceSet, Snapshot
from xds.server import SnapshotSource, Subscription

_log = structlog.get_logger("xds.app")

CERTIFICATE: Final = "default"
AUTHORITY: Final = "ROOTCA"
"""Istio's names. SPIRE's are the SPIFFE ID, and that of the trust domain."""

_RETRY: Final = timedelta(seconds=30)
_JITTER: Final = 0.1
"""By how much of the time until it a renewal may come early, so that not all come at once."""


@dataclass(slots=True, eq=False)
class _Held:
    """What the streams of one identity have. signer: the version of the authority that signed."""

    identity: SpiffeId
    wakes: dict[int, Callable[[], None]] = field(default_factory=dict)
    signer: str = ""
    certificate: tuple[Resource, ...] = ()
    timer: asyncio.TimerHandle | None = None
    is_due: bool = True


class WorkloadSecrets:
    """A `SnapshotSource` that adds its own secrets to what another source has. For use in the event loop's thread."""

    def __init__(self, source: SnapshotSource, authority: CertificateAuthority) -> None:
        self._source = source
        self._authority = authority
        self._held: dict[SpiffeId, _Held] = {}
        self._bundle: tuple[x509.Certificate, ...] = ()
        self._trusted: tuple[Resource, ...] = ()

    def connect(self, proxy: Proxy, wake: Callable[[], None]) -> Subscription:
        """See `xds.server.SnapshotSource`."""
        inner = self._source.connect(proxy, wake)
        if proxy.identity is None or proxy.proxyless or proxy.sds_from_agent:
            return inner
        held = self._held.setdefault(proxy.identity, _Held(proxy.identity))
        return _WithSecrets(self, inner, held, wake)

    def changed(self) -> None:
        """The authority is not what it was: who has something of it may need something else."""
        for held in self._held.values():
            self._wake(held)

    def secrets_of(self, held: _Held) -> tuple[Resource, ...]:
        """What the streams of an identity are to have now: the same objects until some of it is new."""
        if held.is_due or held.signer != self._authority.active.version:
            self._renew(held)
        if self._bundle != self._authority.bundle:
            self._bundle = self._authority.bundle
            self._trusted = tuple(_trusted(self._bundle, self._authority.stored.trust_domain))
        return held.certificate + self._trusted

    def leave(self, held: _Held, stream: int) -> None:
        """A stream has ended. With the last one of an identity its key is forgotten."""
        del held.wakes[stream]
        if not held.wakes:
            if held.timer is not None:
                held.timer.cancel()
            self._held.pop(held.identity, None)

    def _renew(self, held: _Held) -> None:
        """What there was before stays if there can be nothing new; it is tried again."""
        held.is_due, held.signer = False, self._authority.active.version
        try:
            svid = keyed_svid(self._authority, held.identity)
        except CertificateError as error:
            _log.warning("no certificate for a proxy", spiffe_id=str(held.identity), reason=str(error))
            self._set_timer(held, _RETRY)
            return
        held.certificate = tuple(_certificate(svid))
        early = 1 - _JITTER * random.random()  # noqa: S311 - it spreads load, and nothing else
        self._set_timer(held, (svid.half_life - datetime.now(UTC)) * early)
        record(svid.issued, self._authority.active.id)

    def _set_timer(self, held: _Held, delay: timedelta) -> None:
        if held.timer is not None:
            held.timer.cancel()
        held.timer = asyncio.get_running_loop().call_later(delay.total_seconds(), self._due, held)

    def _due(self, held: _Held) -> None:
        held.is_due = True
        self._wake(held)

    def _wake(self, held: _Held) -> None:
        for wake in tuple(held.wakes.values()):
            wake()


class _WithSecrets:
    """One stream's view."""

    def __init__(self, owner: WorkloadSecrets, inner: Subscription, held: _Held, wake: Callable[[], None]) -> None:
        self._owner = owner
        self._inner = inner
        self._held = held
        self._made_of: tuple[Snapshot, tuple[Resource, ...]] | None = None
        self._latest: Snapshot | None = None
        held.wakes[id(self)] = wake

    def latest(self) -> Snapshot | None:
        """What the other source has, with the secrets."""
        snapshot = self._inner.latest()
        if snapshot is None:
            return None
        secrets = self._owner.secrets_of(self._held)
        if self._made_of is None or snapshot is not self._made_of[0] or secrets != self._made_of[1]:
            self._made_of = snapshot, secrets
            self._latest = _with(snapshot, secrets)
        return self._latest

    def close(self) -> None:
        self._inner.close()
        self._owner.leave(self._held, id(self))


def _with(snapshot: Snapshot, secrets: Iterable[Resource]) -> Snapshot:
    sets = {type_url: snapshot[type_url] for type_url in snapshot}
    return Snapshot({**sets, SECRET: ResourceSet.of((*snapshot[SECRET], *secrets))})


def _certificate(svid: KeyedSvid) -> Iterable[Resource]:
    pair = TlsCertificate(
        certificate_chain=DataSource(inline_bytes=svid.chain), private_key=DataSource(inline_bytes=svid.key)
    )
    return (resource_of(Secret(name=name, tls_certificate=pair)) for name in (CERTIFICATE, str(svid.issued.identity)))


def _trusted(bundle: Iterable[x509.Certificate], trust_domain: str) -> Iterable[Resource]:
    context = CertificateValidationContext(trusted_ca=DataSource(inline_bytes=certificates_pem(bundle)))
    names = (AUTHORITY, str(SpiffeId(trust_domain)))
    return (resource_of(Secret(name=name, validation_context=context)) for name in names)
