"""JWT-SVIDs, join tokens, and how often one may ask."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from tests.ca.kit import NOW, REVIEWS, TRUST_DOMAIN, authority
from xds.ca.authority import Authority
from xds.ca.errors import CertificateError
from xds.ca.join_tokens import JoinTokens
from xds.ca.jwt_svid import MAX_TOKEN, jwks, sign, verify
from xds.ca.limits import RateLimit
from xds.model.identity import SpiffeId

RATINGS = SpiffeId.of_workload(TRUST_DOMAIN, "default", "ratings")
OURS, OTHER = authority(), authority()
MINUTE = timedelta(minutes=1)


def test_a_token_is_verified_by_the_keys_of_any_trusted_authority() -> None:
    token = sign(OTHER, REVIEWS, ["bank"], now=NOW).text
    found = verify(token, [OURS, OTHER], "bank", NOW + 4 * MINUTE)
    assert (found.identity, found.audience, found.expires) == (REVIEWS, ("bank",), NOW + 5 * MINUTE)


def test_others_verify_it_with_the_published_keys() -> None:
    token = sign(OURS, REVIEWS, ["bank", "shop"], now=NOW).text
    keys = jwt.PyJWKSet.from_json(jwks([OTHER, OURS]))
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, ["ES256"], audience="shop", options={"verify_exp": False, "verify_iat": False})
    assert claims["sub"] == str(REVIEWS)
    assert all("d" not in entry for entry in json.loads(jwks([OURS]))["keys"])


def forged(**claims: object) -> str:
    whole = {"sub": str(REVIEWS), "aud": ["bank"], "exp": (NOW + MINUTE).timestamp(), **claims}
    present = {name: value for name, value in whole.items() if value is not None}
    kid = jwt.get_unverified_header(sign(OURS, REVIEWS, ["x"], now=NOW).text)["kid"]
    return jwt.encode(present, OURS.jwt_key, "ES256", headers={"kid": kid})


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("", "signed by no trusted key"),
        ("a.b.c", "signed by no trusted key"),
        ("a" * (MAX_TOKEN + 1), "at most"),
        (sign(OTHER, REVIEWS, ["bank"], now=NOW).text, "signed by no trusted key"),
        (sign(OURS, REVIEWS, ["shop"], now=NOW).text, "(?i)audience"),
        (sign(OURS, REVIEWS, ["bank"], now=NOW - 10 * MINUTE).text, "the token ended at"),
        (forged(sub=None), "sub"),
        (forged(aud=None), "aud"),
        (forged(exp=None), "exp"),
        (forged(sub="reviews"), "does not begin with"),
        (forged(sub="spiffe://elsewhere/ns/a/sa/b"), "another trust domain"),
        (forged(exp="never"), "not valid|exp"),
    ],
)
def test_what_is_refused(token: str, reason: str) -> None:
    with pytest.raises(CertificateError, match=reason):
        verify(token, [OURS], "bank", NOW)


def test_no_algorithm_and_another_algorithm_are_refused() -> None:
    good = sign(OURS, REVIEWS, ["bank"], now=NOW).text
    kid = jwt.get_unverified_header(good)["kid"]
    head = base64.urlsafe_b64encode(json.dumps({"alg": "none", "kid": kid}).encode()).rstrip(b"=").decode()
    with pytest.raises(CertificateError):
        verify(f"{head}.{good.split('.')[1]}.", [OURS], "bank", NOW)
    stolen = jwt.encode({"sub": str(REVIEWS), "aud": "bank", "exp": 1e11}, "k" * 32, "HS256", headers={"kid": kid})
    with pytest.raises(CertificateError):
        verify(stolen, [OURS], "bank", NOW)


@given(st.binary(max_size=60), st.integers(0, 2))
def test_a_damaged_token_is_refused_and_nothing_else(noise: bytes, part: int) -> None:
    parts = sign(OURS, REVIEWS, ["bank"], now=NOW).text.split(".")
    parts[part] = base64.urlsafe_b64encode(noise).decode()
    with pytest.raises(CertificateError):
        verify(".".join(parts), [OURS], "bank", NOW)


@pytest.mark.parametrize("audience", [[], [""], ["a"] * 17])
def test_a_token_has_an_audience(audience: list[str]) -> None:
    with pytest.raises(CertificateError, match="audiences"):
        sign(OURS, REVIEWS, audience, now=NOW)


def test_keys_have_one_curve() -> None:
    assert isinstance(OURS.jwt_key.curve, ec.SECP256R1)
    assert isinstance(OURS, Authority)


def test_a_join_token_proves_an_identity_once(tmp_path: Path) -> None:
    tokens = JoinTokens(tmp_path)
    token = tokens.create(REVIEWS, MINUTE, NOW)
    stored = [path.read_text() + path.name for path in (tmp_path / "tokens").iterdir()]
    assert len(stored) == 1
    assert token not in stored[0]
    assert JoinTokens(tmp_path).use(token, NOW) == REVIEWS
    with pytest.raises(CertificateError, match="unknown, or was used before"):
        tokens.use(token, NOW)


def test_a_join_token_that_is_over_is_refused_and_holds_if_it_was_the_clock(tmp_path: Path) -> None:
    tokens = JoinTokens(tmp_path)
    token = tokens.create(REVIEWS, MINUTE, NOW)
    with pytest.raises(CertificateError, match="ended at"):
        tokens.use(token, NOW + MINUTE)
    assert tokens.use(token, NOW) == REVIEWS
    tokens.create(REVIEWS, MINUTE, NOW)
    kept = tokens.create(RATINGS, 2 * MINUTE, NOW)
    assert tokens.tidy(NOW + MINUTE) == 1
    assert tokens.use(kept, NOW + MINUTE) == RATINGS


def test_a_join_token_of_a_newer_version_is_refused_and_kept(tmp_path: Path) -> None:
    tokens = JoinTokens(tmp_path)
    token = tokens.create(REVIEWS, MINUTE, NOW)
    (path,) = (tmp_path / "tokens").iterdir()
    newer = json.dumps({**json.loads(path.read_text()), "version": 2})
    path.write_text(newer)

    with pytest.raises(CertificateError, match=r"written by a newer version .*: make another"):
        tokens.use(token, NOW)
    tokens.create(REVIEWS, MINUTE, NOW + 2 * MINUTE)

    assert path.read_text() == newer


def test_tokens_that_are_over_go_when_one_is_made(tmp_path: Path) -> None:
    tokens = JoinTokens(tmp_path)
    tokens.create(REVIEWS, MINUTE, NOW)
    tokens.create(REVIEWS, MINUTE, NOW + MINUTE)
    assert len(list((tmp_path / "tokens").iterdir())) == 1


@pytest.mark.parametrize("token", ["", "x", "../../etc/passwd", "a" * 300, "\x00"])
def test_what_is_no_join_token(tmp_path: Path, token: str) -> None:
    with pytest.raises(CertificateError, match="unknown"):
        JoinTokens(tmp_path).use(token, NOW)


@pytest.mark.parametrize(
    ("identity", "life"), [(REVIEWS, timedelta()), (REVIEWS, timedelta(days=8)), (SpiffeId("a"), MINUTE)]
)
def test_join_tokens_that_are_not_made(tmp_path: Path, identity: SpiffeId, life: timedelta) -> None:
    with pytest.raises(CertificateError):
        JoinTokens(tmp_path).create(identity, life, NOW)


def test_an_identity_that_asks_too_often_waits_and_others_do_not() -> None:
    limit = RateLimit(burst=2, refill=MINUTE)
    assert [limit.allows(REVIEWS, NOW) for _ in range(3)] == [True, True, False]
    assert limit.allows(RATINGS, NOW)
    assert [limit.allows(REVIEWS, NOW + MINUTE) for _ in range(2)] == [True, False]
    assert not limit.allows(REVIEWS, NOW)  # a clock that goes back gives nothing
