"""Feeds what is read from strangers with bytes that lead further and further into it: requests, and tokens.

``python -m tests.ca.fuzzing requests|tokens RUNS SEED FOLDER``: libFuzzer, through atheris. Whatever is raised but the
error that is for the caller ends it with another status than 0, and so does anything accepted that is not well-formed.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import atheris  # type: ignore[import-untyped,import-not-found,unused-ignore]  # it ships no types
import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

with atheris.instrument_imports(include=["xds.ca", "xds.model.identity"]):
    from tests.ca.kit import NOW, REVIEWS, TRUST_DOMAIN, authority, request
    from tests.ca.test_service_accounts import EC, NAME, jwks
    from xds.ca import jwt_svid, service_accounts
    from xds.ca.errors import CertificateError, RequestError
    from xds.ca.join_tokens import JoinTokens
    from xds.ca.request import public_key_of

_BEGIN, _END = "-----BEGIN CERTIFICATE REQUEST-----", "-----END CERTIFICATE REQUEST-----"
_KEYS = (ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048))
_REQUESTS = tuple(request(str(REVIEWS), key=key) for key in _KEYS)

_OURS = authority()
_ISSUER = service_accounts.Issuer(NAME, jwt.PyJWKSet.from_json(jwks(ec=EC)))


def _token(claims: dict[str, object], key: ec.EllipticCurvePrivateKey, key_id: str) -> str:
    times = {"exp": int((NOW + timedelta(minutes=5)).timestamp()), "iat": int(NOW.timestamp())}
    return jwt.encode({**claims, **times}, key, "ES256", headers={"kid": key_id})


_TOKENS = (
    _token({"sub": str(REVIEWS), "aud": ["bank"]}, _OURS.jwt_key, json.loads(jwt_svid.jwks([_OURS]))["keys"][0]["kid"]),
    _token({"iss": NAME, "sub": "system:serviceaccount:default:reviews", "aud": ["istio-ca"]}, EC, "ec"),
)


def check_request(data: bytes) -> None:
    """The first byte says whether the rest is the text of a request, or what is inside of its PEM."""
    text = data[1:].decode("latin-1")
    if data[:1] < b"\x80":
        text = f"{_BEGIN}\n{base64.b64encode(data[1:]).decode()}\n{_END}\n"
    try:
        key = public_key_of(text, REVIEWS)
    except RequestError:
        return
    read = x509.load_pem_x509_csr(text.encode())
    assert read.is_signature_valid
    assert read.public_key() == key
    for extension in read.extensions:
        if isinstance(extension.value, x509.SubjectAlternativeName):
            uris = extension.value.get_values_for_type(x509.UniformResourceIdentifier)
            assert set(uris) <= {str(REVIEWS)}


def check_token(data: bytes) -> None:
    """The first byte says whether the rest is a token as it stands, or its parts before they are encoded."""
    text = data[1:].decode("latin-1")
    if data[:1] < b"\x80":
        text = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in data[1:].split(b"\n"))
    signed = text.rpartition(".")[0]
    for known, verify in zip(_TOKENS, (_by_us, _by_issuer), strict=True):
        try:
            verify(text)
        except CertificateError:
            continue
        assert signed == known.rpartition(".")[0]
    service_accounts.issuer_of(text)
    try:
        _JOIN_TOKENS.use(text, NOW)
    except CertificateError:
        return
    raise AssertionError("nobody has made a join token")


_JOIN_TOKENS = JoinTokens(Path(sys.argv[4]))


def _by_us(text: str) -> object:
    return jwt_svid.verify(text, [_OURS], "bank", NOW)


def _by_issuer(text: str) -> object:
    return service_accounts.verify(text, _ISSUER, ["istio-ca"], TRUST_DOMAIN, NOW)


def _seeds(what: str) -> list[bytes]:
    if what == "requests":
        inside = [x509.load_pem_x509_csr(each.encode()).public_bytes(Encoding.DER) for each in _REQUESTS]
        return [b"\x00" + each for each in inside] + [b"\xff" + each.encode() for each in _REQUESTS]
    parts = [b"\n".join(jwt.utils.base64url_decode(part) for part in each.split(".")) for each in _TOKENS]
    return [b"\x00" + each for each in parts] + [b"\xff" + each.encode() for each in _TOKENS]


def main() -> None:
    """Ends the process."""
    what, runs, seed, folder = sys.argv[1:]
    check: Callable[[bytes], None] = {"requests": check_request, "tokens": check_token}[what]
    corpus = Path(folder) / "corpus"
    corpus.mkdir()
    for number, content in enumerate(_seeds(what)):
        check(content)  # what is good is accepted: see what it asserts
        (corpus / str(number)).write_bytes(content)
    options = [f"-runs={runs}", f"-seed={seed}", "-max_len=4096", "-timeout=20", f"-artifact_prefix={folder}/"]
    atheris.Setup(["fuzz", *options, str(corpus)], check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
