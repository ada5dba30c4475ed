"""When certificates of the mesh end, for Prometheus: istiod's names, and ours for what it does not tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from prometheus_client.core import CollectorRegistry, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from xds.app.authority_findings import authority_lives
from xds.app.expiry import MAX_CREDENTIALS
from xds.ca.service import CertificateAuthority
from xds.model.identity import SpiffeId


class AuthorityMetrics(Collector):
    """Reads the authority when Prometheus asks. connected: whose streams are open."""

    def __init__(
        self,
        authority: CertificateAuthority,
        connected: Callable[[], Iterable[SpiffeId]],
        registry: CollectorRegistry,
    ) -> None:
        self._authority = authority
        self._connected = connected
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """See `Collector`."""
        active = self._authority.active
        chain = min(certificate.not_valid_after_utc for certificate in (active.issuing.certificate, *active.chain))
        yield from _of_istiod(
            "citadel_server_root_cert_expiry", "root certificate", active.roots[0].not_valid_after_utc
        )
        yield from _of_istiod("citadel_server_cert_chain_expiry", "issuing chain", chain)
        yield self._of_authorities()
        yield self._of_workloads()

    def _of_authorities(self) -> Metric:
        expiry = GaugeMetricFamily(
            "pilothouse_authority_expiration_timestamp_seconds",
            "When a certificate of an authority ends, in epoch seconds.",
            labels=["authority", "slot", "part"],
        )
        for life in authority_lives(self._authority.stored):
            expiry.add_metric([life.member.id, life.member.slot.value, life.part], life.ends.timestamp())
        return expiry

    def _of_workloads(self) -> Metric:
        expiry = GaugeMetricFamily(
            "pilothouse_workload_certificate_expiration_timestamp_seconds",
            "When the newest certificate of a connected identity ends, in epoch seconds; the first to end if many.",
            labels=["spiffe_id"],
        )
        for number, newest in enumerate(self._authority.issued.of_all(self._connected())):
            if number == MAX_CREDENTIALS:
                break
            expiry.add_metric([str(newest.identity)], newest.ends.timestamp())
        return expiry


def _of_istiod(name: str, what: str, ends: datetime) -> Iterator[Metric]:
    yield GaugeMetricFamily(f"{name}_timestamp", f"When the {what} ends, in epoch seconds.", value=ends.timestamp())
    left = (ends - datetime.now(UTC)).total_seconds()
    yield GaugeMetricFamily(f"{name}_seconds", f"In how many seconds the {what} ends.", value=left)
