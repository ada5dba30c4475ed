"""What proxies check certificates of others against, in Envoy's words."""

from __future__ import annotations

from pathlib import Path

from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import Secret, SpiffeCertValidatorConfig

from tests.ca.kit import pem
from tests.ca.plugged import made
from xds.app.security import open_authority
from xds.app.trust_secrets import trust_secrets
from xds.ca.spiffe_bundle import FederatedBundle
from xds.ca.stored import Stored

OTHER = FederatedBundle("other.example", (made("root").certificate,), "")


def secrets(stored: Stored, *others: FederatedBundle, aliases: tuple[str, ...] = ()) -> dict[str, Secret]:
    return {each.name: Secret.parse(each.body) for each in trust_secrets(stored, aliases, others)}


def by_domain(secret: Secret) -> dict[str, bytes]:
    assert secret.validation_context is not None
    validator = secret.validation_context.custom_validator_config
    assert validator is not None
    assert validator.typed_config is not None
    config = SpiffeCertValidatorConfig.parse(validator.typed_config.value)
    return {each.name: each.trust_bundle.inline_bytes or b"" for each in config.trust_domains if each.trust_bundle}


def test_one_trust_domain_needs_no_validator_of_its_own(tmp_path: Path) -> None:
    authority = open_authority(tmp_path / "ca", "cluster.local")
    found = secrets(authority.stored, aliases=("old.example",))
    assert found.keys() == {"ROOTCA", "ALL", "spiffe://cluster.local"}
    for secret in found.values():
        assert secret.validation_context is not None
        assert secret.validation_context.custom_validator_config is None
        assert secret.validation_context.crl is None


def test_each_trust_domain_has_its_roots_and_no_others(tmp_path: Path) -> None:
    authority = open_authority(tmp_path / "ca", "cluster.local")
    found = secrets(authority.stored, OTHER, aliases=("old.example",))
    own, theirs = pem(*authority.bundle), pem(*OTHER.roots)
    expected = {"cluster.local": own, "old.example": own, "other.example": theirs}
    assert by_domain(found["ROOTCA"]) == by_domain(found["ALL"]) == expected
    other = found["spiffe://other.example"].validation_context
    assert other is not None
    assert other.trusted_ca is not None
    assert other.trusted_ca.inline_bytes == theirs


def test_lists_go_with_our_own_roots(tmp_path: Path) -> None:
    authority = open_authority(tmp_path / "ca", "cluster.local")
    authority.revoke_certificate(4711)
    bundles = by_domain(secrets(authority.stored, OTHER)["ROOTCA"])
    assert {name: content.count(b"X509 CRL") for name, content in bundles.items()} == {
        "cluster.local": 4,  # two lists, with a beginning and an end each
        "other.example": 0,
    }
