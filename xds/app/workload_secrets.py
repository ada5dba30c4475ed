"""Certificates for proxies without an agent beside them, over the stream by which they have proven who they are (SDS).

A stream of a proven identity gets that identity's certificate and key, and what others' are checked against; a stream
of none gets neither. The keys are in no store, so that no page or command can show them: they are put into a proxy's
resources on their way out.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from cryptography.hazmat.primitives.serialization import Encoding
from envoy_data_plane.envoy.config.core.v3 import DataSource
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import Secret, TlsCertificate

from xds.app.identical import are_same
from xds.app.security import record
from xds.app.trust_secrets import trust_secrets
from xds.ca.errors import CertificateError
from xds.ca.keyed import KeyedSvid, keyed_svid
from xds.ca.service import CertificateAuthority
from xds.ca.spiffe_bundle import FederatedBundle
from xds.model.identity import SpiffeId
from xds.model.proxy import Proxy
from xds.pipeline.translator import resource_of
from xds.resources import SECRET, Resource, ResourceSet, Snapshot
from xds.server import SnapshotSource, Subscription

_log = structlog.get_logger("xds.app")

CERTIFICATE: Final = "default"
"""Istio's name. SPIRE's is the SPIFFE ID."""

RENEWED_PER_SECOND: Final = 500
"""How many identities get another certificate when another authority signs, so that the rest of the work goes on."""

_RETRY: Final = timedelta(seconds=30)
_JITTER: Final = 0.1
"""By how much of the time until it a renewal may come early, so that not all come at once."""


_NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True, eq=False)
class _Held:
    """What the streams of one identity have. signer: the version of the authority that signed; empty if none has. leaf:
    what it has signed, DER. begins, due: from when to when it is not to be renewed. is_late: whether it is about to be.
    """

    identity: SpiffeId
    wakes: dict[int, Callable[[], None]] = field(default_factory=dict)
    signer: str = ""
    leaf: bytes = b""
    begins: datetime = _NEVER
    due: datetime = _NEVER
    is_late: bool = False
    certificate: tuple[Resource, ...] = ()
    timer: asyncio.TimerHandle | None = None
    is_due: bool = True


class WorkloadSecrets:
    """A `SnapshotSource` that adds its own secrets to what another source has. For use in the event loop's thread."""

    def __init__(
        self,
        source: SnapshotSource,
        authority: CertificateAuthority,
        federated: Callable[[], tuple[FederatedBundle, ...]] = tuple,
    ) -> None:
        """federated: the bundles of other trust domains, as they are now: the same object until one changes."""
        self._source = source
        self._authority = authority
        self._federated = federated
        self._held: dict[SpiffeId, _Held] = {}
        self._trusted_of: tuple[object, ...] = ()
        self._trusted: tuple[Resource, ...] = ()

    def connect(self, proxy: Proxy, wake: Callable[[], None]) -> Subscription:
        """See `xds.server.SnapshotSource`."""
        inner = self._source.connect(proxy, wake)
        if proxy.identity is None or proxy.proxyless or proxy.sds_from_agent:
            return inner
        held = self._held.setdefault(proxy.identity, _Held(proxy.identity))
        return _WithSecrets(self, inner, held, wake)

    def changed(self) -> None:
        """The authority is not what it was: roots and lists are told at once, and who has a certificate of another
        signer, or one that is revoked, gets another one, some at a time."""
        self._renew_soon([held for held in self._held.values() if held.signer and self._is_behind(held)])
        for held in self._held.values():
            self._wake(held)

    def look(self, now: datetime) -> None:
        """Timers know nothing of a clock that is set: who has a certificate that, by the clock, does not hold yet, or
        is to be renewed, gets another one."""
        held_wrongly = (held for held in self._held.values() if not held.begins <= now < held.due)
        self._renew_soon([held for held in held_wrongly if held.signer and not held.is_late])

    def _renew_soon(self, behind: Collection[_Held]) -> None:
        for held in behind:
            held.is_late = True
            soon = random.random() * len(behind) / RENEWED_PER_SECOND  # noqa: S311 - it spreads load, and nothing else
            self._set_timer(held, timedelta(seconds=soon))

    def _is_behind(self, held: _Held) -> bool:
        return held.signer != self._authority.active.version or self._authority.is_revoked(held.leaf)

    def secrets_of(self, held: _Held) -> tuple[Resource, ...]:
        """What the streams of an identity are to have now: the same objects until some of it is new."""
        if held.is_due:
            self._renew(held)
        stored, aliases, federated = self._authority.stored, self._authority.aliases, self._federated()
        if not are_same(self._trusted_of, (stored, aliases, federated)):
            self._trusted_of = (stored, aliases, federated)
            self._trusted = tuple(trust_secrets(stored, aliases, federated))
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
        held.is_due = held.is_late = False
        try:
            svid = keyed_svid(self._authority, held.identity)
        except CertificateError as error:
            _log.warning("no certificate for a proxy", spiffe_id=str(held.identity), reason=str(error))
            self._set_timer(held, _RETRY)
            return
        held.certificate, held.signer = tuple(_certificate(svid)), self._authority.active.version
        held.leaf = svid.issued.certificate.public_bytes(Encoding.DER)
        early = 1 - _JITTER * random.random()  # noqa: S311 - it spreads load, and nothing else
        held.begins = svid.issued.certificate.not_valid_before_utc
        held.due = self._authority.moment().latest + svid.renew_in
        self._set_timer(held, svid.renew_in * early)
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
