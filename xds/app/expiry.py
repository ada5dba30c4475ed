"""When credentials expire: as findings, as a metric, and as a page. The time is a parameter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from prometheus_client.core import CollectorRegistry, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from xds.app.secret_files import readable_secrets
from xds.ca.issued import LAST_PART
from xds.model.credentials import Authority, CertificateFacts, Credential, KeyPair
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.mesh import Mesh
from xds.model.objects import ObjectKey, Place

MAX_CREDENTIALS: Final = 100
"""How many a metric has: those that expire first."""

_LIST_OF: Final = "the list of what {} has revoked"


@dataclass(frozen=True, slots=True)
class Life:
    """How long a part of a credential is valid. part: ``certificate``, ``authority`` or ``revocations``. what: in
    words. outcome: what happens then."""

    object: ObjectKey
    place: Place
    part: str
    what: str
    begins: datetime
    ends: datetime
    outcome: str

    def state(self, now: datetime) -> str:
        """``valid``, ``expiring`` (in the last fifth of its life), ``expired`` or ``early``."""
        if now < self.begins:
            return "early"
        if now >= self.ends:
            return "expired"
        return "expiring" if self.ends - now <= (self.ends - self.begins) * LAST_PART else "valid"


def lives(mesh: Mesh) -> Iterator[Life]:
    """Of everything in the mesh that expires."""
    for group in mesh.credentials.values():
        for credential in group:
            yield from lives_of(credential)


def lives_of(credential: Credential) -> Iterator[Life]:
    """Of a chain the certificate that expires first counts; of authorities the last, as one suffices; of lists each."""
    if credential.key_pair is not None:
        yield _of_chain(credential.meta.key, credential.key_pair)
    if credential.authority is not None:
        yield _of_authority(credential.meta.key, credential.authority)
        yield from _of_lists(credential.meta.key, credential.authority)


def credential_findings(mesh: Mesh, now: float) -> tuple[Diagnostic, ...]:
    """What is expired, about to be, or not valid yet, and who else can read the keys. now: epoch seconds."""
    moment = datetime.fromtimestamp(now, UTC)
    found = (_finding(life, life.state(moment)) for life in lives(mesh))
    return (*(each for each in found if each is not None), *readable_secrets(mesh))


class ExpiryMetric(Collector):
    """Reads the mesh when Prometheus asks."""

    def __init__(self, mesh: Callable[[], Mesh], registry: CollectorRegistry) -> None:
        self._mesh = mesh
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """See `Collector`."""
        expiry = GaugeMetricFamily(
            "pilothouse_credential_expiration_timestamp_seconds",
            "When a part of a Secret or ConfigMap expires, in epoch seconds; the next to expire if there are many.",
            labels=["object", "part"],
        )
        for life in sorted(lives(self._mesh()), key=lambda each: each.ends)[:MAX_CREDENTIALS]:
            expiry.add_metric([str(life.object), life.part], life.ends.timestamp())
        yield expiry


def _of_chain(key: ObjectKey, pair: KeyPair) -> Life:
    first = min(pair.certificates, key=lambda each: each.not_after)
    return _of_certificate(key, pair.place, "certificate", first, "clients refuse it")


def _of_authority(key: ObjectKey, authority: Authority) -> Life:
    last = max(authority.certificates, key=lambda each: each.not_after)
    return _of_certificate(key, authority.place, "authority", last, "no certificate that it issued is accepted")


def _of_certificate(key: ObjectKey, place: Place, part: str, facts: CertificateFacts, outcome: str) -> Life:
    what = f"the certificate of {facts.subject or ', '.join(facts.subject_alt_names)}"
    return Life(key, place, part, what, facts.not_before, facts.not_after, outcome)


def _of_lists(key: ObjectKey, authority: Authority) -> Iterator[Life]:
    for each in authority.lists:
        if each.next_update is not None and authority.place_of_lists is not None:
            what, outcome = _LIST_OF.format(each.issuer), "no certificate that it issued is accepted"
            place = authority.place_of_lists
            yield Life(key, place, "revocations", what, each.last_update, each.next_update, outcome)


def _finding(life: Life, state: str) -> Diagnostic | None:
    code = "expiring-credential" if state == "expiring" else "expired-credential"
    match state:
        case "expired":
            reason = f"{life.what} expired on {_date(life.ends)}: {life.outcome}"
        case "early":
            reason = f"{life.what} is not valid before {_date(life.begins)}: {life.outcome}"
        case "expiring":
            reason = f"{life.what} expires on {_date(life.ends)}: from then on {life.outcome}"
        case _:
            return None
    return Diagnostic(Severity.WARNING, life.place.origin, reason, life.object, life.place.path, code)


def _date(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
