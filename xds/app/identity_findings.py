"""What a configuration asks for that no proxy can do without an identity."""

from __future__ import annotations

from xds.model.diagnostic import Diagnostic, Severity
from xds.model.mesh import Mesh
from xds.model.peer_authentication import MutualTLSMode, PeerAuthentication

_REASON = (
    "mutual TLS is not enforced: proxies have no identity without a certificate authority (serve --ca-dir), and go on "
    "accepting plain text"
)


def unenforced(mesh: Mesh) -> tuple[Diagnostic, ...]:
    """A warning for each PeerAuthentication that is STRICT somewhere, where no authority gives identities."""
    policies = (
        each for namespace in sorted(mesh.peer_authentications) for each in mesh.peer_authentications[namespace]
    )
    return tuple(
        Diagnostic(Severity.WARNING, each.meta.origin, _REASON, each.meta.key, "spec", "no-identities")
        for each in policies
        if _is_strict(each)
    )


def _is_strict(policy: PeerAuthentication) -> bool:
    return MutualTLSMode.STRICT in (policy.mode, *policy.port_level.values())
