"""What agents are told to trust, as the authority has it now."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from xds.app.identical import are_same
from xds.ca.jwt_svid import jwks
from xds.ca.keystore import Stored
from xds.ca.service import CertificateAuthority
from xds.ca.spiffe_bundle import FederatedBundle
from xds.model.trust import TrustBundle


class AuthorityBundles:
    """See `xds.server.Bundles`. federated: the bundles of other trust domains, as they are now: the same object until
    one changes."""

    def __init__(
        self, authority: CertificateAuthority, federated: Callable[[], tuple[FederatedBundle, ...]] = tuple
    ) -> None:
        self._authority = authority
        self._federated = federated
        self._wakes: dict[object, Callable[[], None]] = {}
        self._made_of: tuple[object, ...] = ()
        self._made: tuple[TrustBundle, ...] = ()

    def latest(self) -> tuple[TrustBundle, ...]:
        """See `xds.server.Bundles`."""
        stored, aliases, federated = self._authority.stored, self._authority.aliases, self._federated()
        if not are_same(self._made_of, (stored, aliases, federated)):
            self._made_of = (stored, aliases, federated)
            bundles = (_bundle(stored, aliases), *map(_of_others, federated))
            self._made = self._made if bundles == self._made else bundles
        return self._made

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


def _bundle(stored: Stored, aliases: tuple[str, ...]) -> TrustBundle:
    trusted = [stored.authorities[member.id] for member in stored.slots.trusted]
    tainted = [
        root for member in stored.slots.trusted if member.tainted for root in stored.authorities[member.id].roots
    ]
    return TrustBundle(
        stored.trust_domain,
        _der(stored.bundle),
        jwks(trusted),
        crls=_der(stored.lists),
        tainted=_der(tainted),
        aliases=aliases,
        listed_whole=stored.is_listed_whole,
    )


def _of_others(bundle: FederatedBundle) -> TrustBundle:
    return TrustBundle(bundle.trust_domain, _der(bundle.roots), bundle.jwks)


def _der(certificates: Iterable[x509.Certificate | x509.CertificateRevocationList]) -> tuple[bytes, ...]:
    return tuple(each.public_bytes(Encoding.DER) for each in certificates)
