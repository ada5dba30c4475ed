"""Secrets and ConfigMaps: what they are read as, and what is wrong with them, which never shows what is in them."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from tests.certificates import Authority, Issued, pem_of, rsa_key
from tests.config.kinds.whole import reading
from xds.config.interpret import Reading
from xds.config.yaml import parse_documents
from xds.model.credentials import Credential, KeyPair, RevocationFacts

ROOT = Authority("root")
MIDDLE = Authority("middle", ROOT)
LEAF = MIDDLE.issue("leaf", "leaf.example.com", "10.0.0.1", "spiffe://mesh/leaf")
HEAD_LINES = 4


def document(data: Mapping[str, object], kind: str = "Secret", type_: str = "", field: str = "stringData") -> str:
    """A document whose data begins on line ``HEAD_LINES + 1``, one key a line."""
    first = f"type: {type_}" if type_ else "immutable: true"
    head = f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: it}}\n{first}\n{field}:\n"
    return head + "".join(f"  {key}: {json.dumps(value)}\n" for key, value in data.items())


def read(data: Mapping[str, object], **more: str) -> Reading:
    return reading(document(data, **more))


def credential(data: Mapping[str, object], **more: str) -> Credential:
    """Of a document that nothing is to be said about."""
    found = read(data, **more)
    assert found.diagnostics == ()
    assert isinstance(found.object, Credential)
    return found.object


def said(data: Mapping[str, object], **more: str) -> list[tuple[str, int, str, str]]:
    """Severity, number of the line below the head, path and reason of everything found."""
    return [(str(d.severity), d.origin.line - HEAD_LINES - 1, d.path, d.reason) for d in read(data, **more).diagnostics]


def errors(data: Mapping[str, object], **more: str) -> list[str]:
    """The reasons of the errors, of which there are no others, with their keys."""
    found = said(data, **more)
    assert {severity for severity, *_ in found} <= {"error"}
    return [f"{path}: {reason}" for _, _, path, reason in found]


def pair(issued: Issued) -> dict[str, object]:
    return {"tls.crt": issued.chain, "tls.key": issued.key_pem}


def base64(text: str) -> str:
    return b64encode(text.encode()).decode()


def test_a_tls_secret_has_a_certificate_with_its_key() -> None:
    made = credential(pair(LEAF), type_="kubernetes.io/tls").key_pair
    assert made is not None
    assert made.chain.decode() == LEAF.chain
    assert made.private_key.reveal().decode() == LEAF.key_pem
    leaf, middle = made.certificates
    assert (leaf.subject, leaf.issuer, middle.subject) == ("CN=leaf", "CN=middle", "CN=middle")
    assert leaf.subject_alt_names == ("leaf.example.com", "10.0.0.1", "spiffe://mesh/leaf")
    assert leaf.not_before == datetime(2026, 1, 1, tzinfo=UTC)
    assert leaf.not_after == datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=3650)
    assert int(leaf.serial, 16) == LEAF.certificate.serial_number


def test_data_is_base64_and_string_data_has_the_last_word() -> None:
    other = MIDDLE.issue("other")
    text = document({key: base64(str(value)) for key, value in pair(other).items()}, field="data")
    made = reading(text + document(pair(LEAF)).partition("immutable: true\n")[2]).object
    assert isinstance(made, Credential)
    assert made == credential(pair(LEAF))
    assert reading(text).object == credential(pair(other))


def test_istios_own_keys_come_before_those_of_kubernetes() -> None:
    other = MIDDLE.issue("other")
    both = {"cert": other.chain, "key": other.key_pem, "cacert": MIDDLE.pem, "ca.crt": ROOT.pem, **pair(LEAF)}
    made = credential(both, type_="Opaque")
    assert made.key_pair == credential(pair(other)).key_pair
    assert made.authority == credential({"ca.crt": MIDDLE.pem}).authority


def test_an_authority_may_have_a_list_of_what_it_has_revoked() -> None:
    made = credential({"ca.crt": ROOT.pem, "ca.crl": ROOT.revoke(LEAF, life=timedelta(days=30))}).authority
    assert made is not None
    assert made.trusted.decode() == ROOT.pem
    since, until = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 31, tzinfo=UTC)
    assert made.lists == (RevocationFacts("CN=root", since, until),)
    assert made.revoked.startswith(b"-----BEGIN X509 CRL-----")
    assert (
        credential({"cacert": ROOT.pem, "crl": ROOT.revoke()}).authority
        == credential({"ca.crt": ROOT.pem, "ca.crl": ROOT.revoke()}).authority
    )


def test_a_config_map_may_have_an_authority_and_nothing_else() -> None:
    made = credential({"ca.crt": ROOT.pem, **pair(LEAF)}, kind="ConfigMap", field="data")
    assert made.key_pair is None
    assert made.authority == credential({"ca.crt": ROOT.pem}).authority
    assert credential({"ca.crt": base64(ROOT.pem)}, kind="ConfigMap", field="binaryData").authority == made.authority
    found = read({"mesh": "rootNamespace: istio-system"}, kind="ConfigMap", field="data")
    assert (found.object, [d.code for d in found.diagnostics]) == (None, ["ignored-kind"])


@pytest.mark.parametrize(
    ("data", "type_"),
    [({"password": "x"}, "Opaque"), ({".dockerconfigjson": "e30="}, "kubernetes.io/dockerconfigjson"), ({}, "a/b")],
)
def test_secrets_for_others_are_told_of_and_harm_nothing(data: dict[str, object], type_: str) -> None:
    found = read(data, type_=type_)
    assert found.is_valid
    assert isinstance(found.object, Credential)
    assert (found.object.key_pair, found.object.authority) == (None, None)
    assert [(str(d.severity), d.code) for d in found.diagnostics] == [("info", "ignored-kind")]


def test_what_stands_around_certificates_is_not_served() -> None:
    chain = f"Certificate:\n  Data: text\n{LEAF.chain}\n# the end\n"
    assert credential({**pair(LEAF), "tls.crt": chain}) == credential(pair(LEAF))


def test_keys_of_all_forms_are_read() -> None:
    rsa = rsa_key()
    issued = ROOT.issue("rsa", key=rsa)
    old = rsa.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    assert "BEGIN RSA PRIVATE KEY" in old
    assert credential({"tls.crt": issued.chain, "tls.key": old}).key_pair is not None
    modern = ROOT.issue("modern", key=ed25519.Ed25519PrivateKey.generate())
    assert credential(pair(modern)).key_pair is not None
    assert isinstance(LEAF.key, ec.EllipticCurvePrivateKey)
    sec1 = LEAF.key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    assert credential({**pair(LEAF), "tls.key": parameters + sec1}) == credential(pair(LEAF))


KINDS = "is of a kind that Envoy does not take: it must be RSA, Ed25519, or on P-256, P-384 or P-521"


def key_of(
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey, password: str = ""
) -> str:
    encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()


def test_a_key_that_cannot_be_used_is_an_error() -> None:
    assert isinstance(LEAF.key, ec.EllipticCurvePrivateKey)
    wrong = {
        "nothing": "is not a private key in PEM that can be read",
        "": "is empty",
        key_of(LEAF.key, "secret"): "is encrypted: nobody could tell a proxy the password",
        key_of(ed448.Ed448PrivateKey.generate()): KINDS,
        key_of(ec.generate_private_key(ec.SECP256K1())): KINDS,
        ROOT.issue("small", key=rsa_key(1024)).key_pem: "is an RSA key of 1024 bits: Envoy takes 2048 to 8192",
        ROOT.issue("else").key_pem: "is not the key of the certificate",
        MIDDLE.issue("middle").key_pem: "is the key of certificate 2 of 2: that one must come first",
    }
    for key, reason in wrong.items():
        assert errors({**pair(LEAF), "tls.key": key}) == [f'stringData["tls.key"]: {reason}']


def test_a_key_that_contradicts_itself_is_an_error() -> None:
    from cryptography.hazmat.primitives.asymmetric import rsa

    numbers = rsa_key().private_numbers()
    bent = rsa.RSAPrivateNumbers(
        numbers.p, numbers.q, numbers.d + 2, numbers.dmp1 + 2, numbers.dmq1, numbers.iqmp, numbers.public_numbers
    ).private_key(unsafe_skip_rsa_key_validation=True)
    found = errors(pair(ROOT.issue("bent", key=bent)))
    assert found == ['stringData["tls.key"]: contradicts itself: what it signs is not accepted']


def test_certificates_that_cannot_be_read_are_errors() -> None:
    block = LEAF.chain.partition("-----END")[0]
    wrong = {
        "nothing": "is not a certificate in PEM",
        block: "is not a certificate in PEM",
        block[:200] + "-----END CERTIFICATE-----\n": "the certificate cannot be read",
        ROOT.pem + block[:200] + "-----END CERTIFICATE-----\n": "number 2 of 2 cannot be read",
        LEAF.chain + LEAF.key_pem: "has something else in it than a certificate in PEM",
    }
    for chain, reason in wrong.items():
        assert errors({**pair(LEAF), "tls.crt": chain}) == [f'stringData["tls.crt"]: {reason}']
    assert errors({"ca.crt": LEAF.key_pem}) == [
        'stringData["ca.crt"]: has something else in it than a certificate in PEM'
    ]
    assert errors({"ca.crt": ROOT.pem, "ca.crl": ROOT.pem}) == [
        'stringData["ca.crl"]: has something else in it than a list of revoked certificates (X509 CRL) in PEM'
    ]


def test_a_chain_in_disorder_is_a_warning() -> None:
    (leaf, middle), root = (LEAF.certificate, MIDDLE.certificate), ROOT.certificate
    assert said({**pair(LEAF), "tls.crt": pem_of((leaf, middle, root))}) == []
    found = said({**pair(LEAF), "tls.crt": pem_of((leaf, root, middle))})
    reason = "certificate 2 of 3 has not issued the one before it: some clients refuse that"
    assert found == [("warning", 1, 'stringData["tls.crt"]', reason)]


def test_an_authority_that_is_none_and_a_list_that_lacks_one_are_warnings() -> None:
    found = said({"ca.crt": ROOT.pem + LEAF.chain, "ca.crl": ROOT.revoke()})
    assert [(severity, path, reason.partition(":")[0]) for severity, _, path, reason in found] == [
        ("warning", 'stringData["ca.crt"]', "CN=leaf is no authority"),
        ("warning", 'stringData["ca.crl"]', "has no list of CN=leaf"),
        ("warning", 'stringData["ca.crl"]', "has no list of CN=middle"),
    ]


def test_a_tls_secret_needs_both_keys() -> None:
    found = read({"tls.crt": LEAF.chain}, type_="kubernetes.io/tls")
    assert not found.is_valid
    assert [(d.path, d.code) for d in found.diagnostics] == [('data["tls.key"]', "missing-field")]


def test_values_of_a_wrong_type_are_errors_that_do_not_show_them() -> None:
    key = LEAF.key_pem
    assert errors({"tls.key": [key], "tls.crt": 5}) == [
        'stringData["tls.key"]: must be a string',
        'stringData["tls.crt"]: must be a string',
    ]
    text = document({}).replace("stringData:\n", f"data: {json.dumps(key)}\nstringData: 7\n")
    assert [(d.path, d.reason) for d in reading(text).diagnostics] == [
        ("data", "must be a mapping"),
        ("stringData", "must be a mapping"),
    ]
    plain = {"tls.crt": LEAF.chain, "tls.key": key}
    assert {d.code for d in read(plain, field="data").diagnostics} == {"invalid-format"}


def test_more_than_kubernetes_allows_is_too_much() -> None:
    found = read({"ca.crt": ROOT.pem + "#" * 1024 * 1024})
    assert [(d.code, d.reason) for d in found.diagnostics] == [("too-large", "has more than 1024 KiB of data")]


def test_no_finding_and_no_representation_shows_a_key() -> None:
    first, second, _ = LEAF.key_pem.splitlines()[1:-1]
    parts = first[50:], second[:24]  # where the number is that must stay secret
    spoilt = LEAF.key_pem.replace(first, first[:-3])
    for data in ({**pair(LEAF), "tls.crt": "x"}, {**pair(LEAF), "tls.key": spoilt}, {"cacert": LEAF.key_pem}):
        found = read(data)
        assert found.diagnostics
        assert not any(part in f"{found!r}" for part in parts)
    made = read(pair(LEAF))
    assert isinstance(made.object, Credential)
    assert isinstance(made.object.key_pair, KeyPair)
    assert "[redacted]" in repr(made)
    assert not any(part in repr(made) for part in parts)
    raw = parse_documents(document(pair(LEAF)), "it.yaml").objects[0]
    assert not any(part in repr(raw) for part in parts)
