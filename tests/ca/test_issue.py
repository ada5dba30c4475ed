"""What the authority signs, held against the rules of SVIDs and against openssl; what it refuses."""

from __future__ import annotations

import base64
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ca.kit import NOW, REVIEWS, authority, pem, request
from xds.ca.authority import Authority, Issued, KeyType, issue, needs_renewal, renewed
from xds.ca.clock import Moment
from xds.ca.errors import CertificateError, RequestError
from xds.ca.profile import Lifetimes, Signer
from xds.ca.request import MAX_REQUEST, public_key_of
from xds.ca.svid import check_svid
from xds.model.identity import SpiffeId

DAY = timedelta(days=1)
_GOOD = request(str(REVIEWS))


@pytest.fixture(scope="module")
def ours() -> Authority:
    return authority()


def issued(by: Authority, csr: str, identity: SpiffeId = REVIEWS, life: timedelta = DAY) -> Issued:
    return issue(by, csr, identity, life, now=Moment.at(NOW), serial=x509.random_serial_number)


def test_an_svid_has_one_name_which_is_critical_and_no_more_rights_than_it_needs(ours: Authority) -> None:
    leaf = issued(ours, request(str(REVIEWS))).certificate
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.critical
    assert names.value.get_values_for_type(x509.UniformResourceIdentifier) == [str(REVIEWS)]
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.digital_signature
    assert not usage.value.key_cert_sign
    assert not usage.value.crl_sign
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert set(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == {
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.CLIENT_AUTH,
    }
    assert not list(leaf.subject)
    assert leaf.not_valid_after_utc == NOW + DAY


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command, to judge independently")
@pytest.mark.parametrize("key_type", [KeyType.EC_P256, KeyType.RSA_2048])
def test_openssl_verifies_the_chain(tmp_path: Path, key_type: KeyType) -> None:
    by = authority(key_type)
    chain = issued(by, request()).chain
    assert len(chain) == 3
    for name, part in (("leaf", chain[:1]), ("between", chain[1:2]), ("root", chain[2:])):
        (tmp_path / f"{name}.pem").write_bytes(pem(*part))
    at = ("-attime", str(int(NOW.timestamp())), "-x509_strict")
    files = ("-CAfile", tmp_path / "root.pem", "-untrusted", tmp_path / "between.pem", tmp_path / "leaf.pem")
    for purpose in ("sslserver", "sslclient"):
        command = ["openssl", "verify", *at, "-purpose", purpose, *map(str, files)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr


def test_what_else_a_request_names_is_not_taken_over(ours: Authority) -> None:
    leaf = issued(ours, request(others=[x509.DNSName("bank.example.com")])).certificate
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [name.value for name in names] == [str(REVIEWS)]


@pytest.mark.parametrize("other", ["spiffe://cluster.local/ns/default/sa/ratings", "https://example.com"])
def test_a_request_for_somebody_else_is_refused(ours: Authority, other: str) -> None:
    with pytest.raises(RequestError, match="the caller has proven to be"):
        issued(ours, request(other))
    with pytest.raises(RequestError, match="the caller has proven to be"):
        issued(ours, request(str(REVIEWS), other))


def test_another_trust_domain_is_refused(ours: Authority) -> None:
    with pytest.raises(CertificateError, match="of another trust domain"):
        issued(ours, request(), SpiffeId.of_workload("elsewhere", "default", "reviews"))


def test_weak_and_unusual_keys_are_refused(ours: Authority) -> None:
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - it is to be refused
    with pytest.raises(RequestError, match="the key has to be"):
        issued(ours, request(key=weak))
    with pytest.raises(RequestError, match="the key has to be"):
        issued(ours, request(key=ec.generate_private_key(ec.SECP256K1())))
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    unusual = builder.sign(ed25519.Ed25519PrivateKey.generate(), None)
    with pytest.raises(RequestError, match="the key has to be"):
        issued(ours, pem_of(unusual))


def pem_of(csr: x509.CertificateSigningRequest) -> str:
    return csr.public_bytes(Encoding.PEM).decode()


def test_a_request_with_somebody_elses_key_is_refused(ours: Authority) -> None:
    mine, theirs = request(), request()
    # the same structure with the other's key: everything but the key and the signature is the same
    a, b = bytearray(x509.load_pem_x509_csr(mine.encode()).tbs_certrequest_bytes), theirs
    forged = x509.load_pem_x509_csr(b.encode())
    whole = bytearray(forged.public_bytes(Encoding.DER))
    start = whole.find(forged.tbs_certrequest_bytes)
    whole[start : start + len(a)] = a
    with pytest.raises(RequestError, match="not signed by the key in it"):
        issued(ours, _as_pem(bytes(whole)))


def _as_pem(der: bytes) -> str:
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{base64.encodebytes(der).decode()}-----END CERTIFICATE REQUEST-----\n"


@pytest.mark.parametrize(
    "text", ["", "hello", "-----BEGIN CERTIFICATE REQUEST-----\nAA==\n-----END CERTIFICATE REQUEST-----\n"]
)
def test_what_is_no_request_is_refused(text: str) -> None:
    with pytest.raises(RequestError):
        public_key_of(text, REVIEWS)


def test_requests_are_bounded_and_come_alone() -> None:
    with pytest.raises(RequestError, match="at most"):
        public_key_of(request() + " " * MAX_REQUEST, REVIEWS)
    with pytest.raises(RequestError, match="one PEM block"):
        public_key_of(request() * 2, REVIEWS)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_a_damaged_request_is_refused_and_nothing_else(data: st.DataObject) -> None:
    good = x509.load_pem_x509_csr(_GOOD.encode())
    whole = bytearray(good.public_bytes(Encoding.DER))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        key = public_key_of(_as_pem(bytes(whole)), REVIEWS)
    except RequestError:
        return
    # the damage is outside of what is signed: how many bits of the signature's last byte are said to be unused
    assert x509.load_der_x509_csr(bytes(whole)).tbs_certrequest_bytes == good.tbs_certrequest_bytes
    assert key == good.public_key()


def test_rules_that_are_broken_are_all_named(ours: Authority) -> None:
    with pytest.raises(CertificateError) as caught:
        check_svid(ours.issuing.certificate, ours.roots[0], NOW + timedelta(days=4000))
    for reason in (
        "names no workload",
        "without digital signatures",
        "may sign",
        "it is an authority's",
        "it holds from",
    ):
        assert reason in str(caught.value)
    with pytest.raises(CertificateError, match="not signed by"):
        check_svid(issued(ours, request()).certificate, ours.roots[0], NOW)


def test_nobody_signs_with_the_key_of_another(ours: Authority) -> None:
    with pytest.raises(CertificateError, match=r"the key is not that of .*Pilothouse root"):
        Signer(ours.roots[0], ours.issuing.key)


def test_nothing_outlives_its_issuer() -> None:
    short = authority(lifetimes=Lifetimes(root=timedelta(hours=2), issuing=timedelta(days=90)))
    assert short.issuing.certificate.not_valid_after_utc == NOW + timedelta(hours=2)
    assert issued(short, request()).certificate.not_valid_after_utc == NOW + timedelta(hours=2)
    with pytest.raises(CertificateError, match="the issuing certificate ended"):
        issue(short, request(), REVIEWS, DAY, now=Moment.at(NOW + DAY), serial=x509.random_serial_number)


def test_the_issuing_certificate_is_renewed_below_the_same_root(ours: Authority) -> None:
    life = Lifetimes().issuing
    assert not needs_renewal(ours, NOW + life * 0.66)
    assert needs_renewal(ours, NOW + life * 0.67)
    later = renewed(ours, KeyType.EC_P256, Lifetimes(), now=NOW + life / 2, serial=x509.random_serial_number)
    assert (later.id, later.roots) == (ours.id, ours.roots)
    assert later.issuing.certificate.not_valid_after_utc == NOW + life * 1.5
    later.issuing.certificate.verify_directly_issued_by(ours.roots[0])


@pytest.mark.parametrize(
    ("asked", "granted"), [(None, 24), (timedelta(0), 24), (timedelta(hours=-1), 24), (DAY * 30, 24), (DAY / 2, 12)]
)
def test_lifetimes_are_bounded(asked: timedelta | None, granted: int) -> None:
    assert Lifetimes().granted(asked) == timedelta(hours=granted)
    assert Lifetimes().granted(timedelta(seconds=1)) == timedelta(minutes=5)


def test_keys_are_never_shown(ours: Authority) -> None:
    assert "key" not in repr(ours).replace("root_key", "").lower() or "PRIVATE" not in repr(ours)
    assert "EllipticCurvePrivateKey" not in repr(ours)
    assert "EllipticCurvePrivateKey" not in repr(ours.issuing)


def test_a_request_may_name_the_workload_under_another_name_of_the_trust_domain(ours: Authority) -> None:
    csr = request("spiffe://old.example/ns/default/sa/reviews")
    with pytest.raises(RequestError, match="the caller has proven to be"):
        issued(ours, csr)
    found = issue(
        ours, csr, REVIEWS, DAY, now=Moment.at(NOW), serial=x509.random_serial_number, aliases=["old.example"]
    )
    assert check_svid(found.certificate, ours.issuing.certificate, NOW) == REVIEWS
    for other in ("spiffe://old.example/ns/default/sa/ratings", "spiffe://older.example/ns/default/sa/reviews"):
        with pytest.raises(RequestError, match="the caller has proven to be"):
            issue(
                ours,
                request(other),
                REVIEWS,
                DAY,
                now=Moment.at(NOW),
                serial=x509.random_serial_number,
                aliases=["old.example"],
            )
