"""What a configuration asks for that no proxy can do without an identity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import TypeVar

from xds.model.diagnostic import Diagnostic, Severity
from xds.model.mesh import Mesh
from xds.model.objects import ObjectMeta
from xds.model.peer_authentication import MutualTLSMode, PeerAuthentication
from xds.model.policy import DestinationRule, TLSMode

T = TypeVar("T")

_REASON = (
    "mutual TLS is not enforced: proxies have no identity without a certificate authority (serve --ca-dir), and go on "
    "with plain text"
)


def unenforced(mesh: Mesh) -> tuple[Diagnostic, ...]:
    """A warning for each PeerAuthentication that is STRICT somewhere, and each DestinationRule that says ISTIO_MUTUAL,
    where no authority gives identities."""
    strict = (policy.meta for policy in _ordered(mesh.peer_authentications) if _is_strict(policy))
    mutual = (rule.meta for rule in _ordered(mesh.destination_rules) if _is_mutual(rule))
    return tuple(map(_finding, chain(strict, mutual)))


def _finding(meta: ObjectMeta) -> Diagnostic:
    return Diagnostic(Severity.WARNING, meta.origin, _REASON, meta.key, "spec", "no-identities")


def _ordered(groups: Mapping[str, tuple[T, ...]]) -> Iterator[T]:
    return (each for namespace in sorted(groups) for each in groups[namespace])


def _is_strict(policy: PeerAuthentication) -> bool:
    return MutualTLSMode.STRICT in (policy.mode, *policy.port_level.values())


def _is_mutual(rule: DestinationRule) -> bool:
    policies = [each for each in (rule.traffic_policy, *(s.traffic_policy for s in rule.subsets)) if each is not None]
    settings = (tls for each in policies for tls in (each.tls, *(level.tls for level in each.port_level.values())))
    return any(tls is not None and tls.mode is TLSMode.ISTIO_MUTUAL for tls in settings)
