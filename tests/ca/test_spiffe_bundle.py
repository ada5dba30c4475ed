"""Bundles of trust domains: ours is read as others read it, and theirs as they may be, and as they may not."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from tests.ca.kit import TRUST_DOMAIN, pem
from tests.ca.plugged import made
from tests.ca.test_service import Clock, started
from xds.ca.authority import KeyType
from xds.ca.errors import CertificateError
from xds.ca.service import Policy
from xds.ca.spiffe_bundle import MAX_BUNDLE, REFRESH_HINT, own_bundle, read_bundle

ROOT = made("root").certificate
LEAF = made("leaf", authority=False).certificate


def key(*certificates: object, use: str = "x509-svid", **more: object) -> dict[str, object]:
    chain = [
        base64.b64encode(each.public_bytes(Encoding.DER)).decode() if hasattr(each, "public_bytes") else each
        for each in certificates
    ]
    return {"kty": "EC", "use": use, "x5c": chain, **more}


def bundle(*keys: object, **more: object) -> bytes:
    return json.dumps({"keys": list(keys), **more}).encode()


@pytest.mark.parametrize("key_type", [KeyType.EC_P256, KeyType.RSA_2048])
def test_what_we_publish_is_what_others_read(tmp_path: Path, key_type: KeyType) -> None:
    clock = Clock()
    authority = started(tmp_path / "ca", clock, Policy(key_type))
    authority.prepare()
    found = read_bundle(json.dumps(own_bundle(authority.stored)).encode(), TRUST_DOMAIN)
    assert (found.roots, found.refresh) == (authority.bundle, REFRESH_HINT)
    keys = jwt.PyJWKSet.from_json(found.jwks)
    assert len(keys.keys) == 2
    for each in json.loads(json.dumps(own_bundle(authority.stored)))["keys"][:2]:
        public = jwt.PyJWK({**each, "alg": "RS256" if each["kty"] == "RSA" else "ES256"}).key
        assert public in [root.public_key() for root in authority.bundle]


def test_certificates_alone_will_do() -> None:
    found = read_bundle(pem(ROOT), "other.example")
    assert (found.trust_domain, found.roots, json.loads(found.jwks)) == ("other.example", (ROOT,), {"keys": []})


def test_what_is_unknown_is_passed_over() -> None:
    token = {"kty": "EC", "use": "jwt-svid", "kid": "a", "crv": "P-256", "x": "AA", "y": "AA"}
    keys = (key(ROOT), key(use="sig"), token, {**token, "kid": 1}, "nothing")
    found = read_bundle(bundle(*keys, spiffe_refresh_hint=60, spiffe_sequence=7), "other.example")
    assert (found.roots, found.refresh) == ((ROOT,), timedelta(minutes=1))
    assert json.loads(found.jwks)["keys"] == [token]


@pytest.mark.parametrize("hint", [None, 0, -1, True, "60", 1e300])
def test_a_hint_that_is_none_says_nothing(hint: object) -> None:
    assert read_bundle(bundle(key(ROOT), spiffe_refresh_hint=hint), "other.example").refresh is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "has no certificate in PEM"),
        (b"{", "is no JSON Web Key Set"),
        (b"{}", "is no JSON Web Key Set"),
        (b'{"keys": 1}', "is no JSON Web Key Set"),
        (bundle(), "has no key for certificates"),
        (bundle(key(use="jwt-svid", kid="a")), "has no key for certificates"),
        (bundle(key()), "has to have one certificate"),
        (bundle(key(ROOT, ROOT)), "has to have one certificate"),
        (bundle(key("AAAA")), "is no JSON Web Key Set"),
        (bundle(key("*")), "is no JSON Web Key Set"),
        (bundle(key(LEAF)), "CN=leaf in the bundle is no authority"),
        (pem(ROOT, LEAF), "CN=leaf in the bundle is no authority"),
        (b" " * (MAX_BUNDLE + 1), "more than"),
    ],
)
def test_what_is_no_bundle(content: bytes, reason: str) -> None:
    with pytest.raises(CertificateError, match=reason):
        read_bundle(content, "other.example")


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(), lambda each: st.lists(each) | st.dictionaries(st.text(), each)
)


@given(
    st.binary()
    | _JSON.map(lambda each: json.dumps({"keys": each}).encode())
    | st.lists(_JSON).map(lambda each: json.dumps({"keys": [{"use": "x509-svid", "x5c": each}]}).encode())
)
def test_nothing_else_is_raised(content: bytes) -> None:
    with pytest.raises(CertificateError):
        read_bundle(content, "other.example")


def test_tokens_of_ours_are_verified_by_the_bundle(tmp_path: Path) -> None:
    authority = started(tmp_path / "ca", Clock())
    (token_key,) = json.loads(read_bundle(json.dumps(own_bundle(authority.stored)).encode(), TRUST_DOMAIN).jwks)["keys"]
    assert isinstance(jwt.PyJWK({**token_key, "alg": "ES256"}).key, ec.EllipticCurvePublicKey)
    assert token_key["kid"]
