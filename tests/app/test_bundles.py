"""What agents are told to trust: the same object until some of it changes."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from tests.ca.plugged import made
from xds.app.bundles import AuthorityBundles
from xds.app.security import open_authority
from xds.ca.spiffe_bundle import FederatedBundle
from xds.model.trust import TrustBundle

ROOT = made("root").certificate


def test_what_is_revoked_tainted_and_federated_is_told(tmp_path: Path) -> None:
    authority = open_authority(tmp_path / "ca", "cluster.local")
    federated: list[tuple[FederatedBundle, ...]] = [()]
    bundles = AuthorityBundles(authority, lambda: federated[0])
    (before,) = bundles.latest()
    assert (before.crls, before.tainted, before.aliases) == ((), (), ())
    assert bundles.latest() is bundles.latest()
    authority.revoke_certificate(4711)
    (own,) = bundles.latest()
    assert own.crls == tuple(each.public_bytes(Encoding.DER) for each in authority.stored.lists)
    assert own.listed_whole
    old = authority.active
    authority.prepare()
    authority.activate()
    authority.taint(old.id)
    authority.aliases = ("old.example",)
    federated[0] = (FederatedBundle("other.example", (ROOT,), "{}"),)
    own, other = bundles.latest()
    assert own.tainted == (old.roots[0].public_bytes(Encoding.DER),)
    assert own.aliases == ("old.example",)
    assert other == TrustBundle("other.example", (ROOT.public_bytes(Encoding.DER),), "{}")
