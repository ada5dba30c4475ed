"""DestinationRules for services that are not there, and TLS that does not say whom to trust."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from xds.config.analysis.subject import Subject
from xds.config.kinds.kind import ISTIO_NETWORKING
from xds.config.reader import Reader
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.hosts import resolve_short_name

_ORIGINATING: Final = frozenset({"SIMPLE", "MUTUAL"})
_AUTHORITIES: Final = ("caCertificates", "credentialName")


def analyse(subject: Subject) -> Iterator[Diagnostic]:
    """Unknown hosts (IST0174), and TLS without ``caCertificates`` (IST0128 and, for one port, IST0129)."""
    for reader in subject.readers("DestinationRule", ISTIO_NETWORKING):
        spec = reader.section("spec")
        yield from _unknown_host(subject, spec)
        for policy in _policies(spec):
            yield from _unverified(subject, policy, "unverified-server")
            for port in policy.items("portLevelSettings"):
                yield from _unverified(subject, port, "unverified-server-port")


def _unknown_host(subject: Subject, spec: Reader) -> Iterator[Diagnostic]:
    host = resolve_short_name(spec.text("host"), spec.raw.namespace, subject.mesh.settings.domain_suffix)
    if not subject.services_matching(host):
        reason = f"no service has the host {host}: this rule is for nothing"
        yield subject.finding(spec.raw.key, ("spec", "host"), Severity.WARNING, reason, "unknown-rule-host")


def _policies(spec: Reader) -> Iterator[Reader]:
    yield spec.section("trafficPolicy")
    yield from (subset.section("trafficPolicy") for subset in spec.items("subsets"))


def _unverified(subject: Subject, policy: Reader, code: str) -> Iterator[Diagnostic]:
    tls = policy.section("tls")
    mode = tls.text("mode")
    if mode not in _ORIGINATING or any(tls.text(name) for name in _AUTHORITIES):
        return
    outcome = "nobody verifies the server" if tls.flag("insecureSkipVerify") else "only the system's roots are trusted"
    where = f" at port {policy.section('port').integer('number')}" if code.endswith("port") else ""
    reason = f"TLS mode {mode} without caCertificates{where}: {outcome}"
    yield subject.finding(policy.raw.key, (*tls.path, "mode"), Severity.WARNING, reason, code)
