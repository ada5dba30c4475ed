"""What agents are told to trust, as the authority has it now."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from xds.ca.jwt_svid import jwks
from xds.ca.keystore import Stored
from xds.ca.service import CertificateAuthority
from xds.model.trust import TrustBundle


class AuthorityBundles:
    """See `xds.server.Bundles`."""

    def __init__(self, authority: CertificateAuthority) -> None:
        self._authority = authority
        self._wakes: dict[object, Callable[[], None]] = {}
        self._made: tuple[Stored, tuple[TrustBundle, ...]] | None = None

    def latest(self) -> tuple[TrustBundle, ...]:
        """See `xds.server.Bundles`."""
        stored = self._authority.stored
        if self._made is None or self._made[0] is not stored:
            before = self._made[1] if self._made is not None else ()
            bundles = (_bundle(stored),)
            self._made = stored, before if bundles == before else bundles
        return self._made[1]

    def subscribe(self, wake: Callable[[], None]) -> Callable[[], None]:
        """See `xds.server.Bundles`."""
        key = object()
        self._wakes[key] = wake

        def end() -> None:
            del self._wakes[key]

        return end

    def changed(self) -> None:
        """The authority is not what it was."""
        for wake in tuple(self._wakes.values()):
            wake()


def _bundle(stored: Stored) -> TrustBundle:
    trusted = [stored.authorities[member.id] for member in stored.slots.trusted]
    tainted = [
        root for member in stored.slots.trusted if member.tainted for root in stored.authorities[member.id].roots
    ]
    return TrustBundle(stored.trust_domain, _der(stored.bundle), jwks(trusted), tainted=_der(tainted))


def _der(certificates: Iterable[x509.Certificate]) -> tuple[bytes, ...]:
    return tuple(each.public_bytes(Encoding.DER) for each in certificates)
