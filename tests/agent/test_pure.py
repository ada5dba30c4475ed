"""What an agent decides, apart from what it does: when to renew, how long to wait, what to show, and what is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.kit import REVIEWS
from xds.agent.identity.advice import advice
from xds.agent.identity.attempt import AttemptError
from xds.agent.identity.proof import Means, is_next, means
from xds.agent.identity.request import Answer, Workload, is_revoked, new_key, read_answer, request_for
from xds.agent.identity.saved import from_json, to_json
from xds.agent.identity.secrets import secrets_of
from xds.agent.identity.svid import State, Svid
from xds.agent.identity.timing import FIRST_PAUSE, JITTER, LONGEST_PAUSE, pause_after, renew_at
from xds.agent.identity.trust import after_answer, control_plane_roots
from xds.ca.authority import KeyType, issue, new_authority
from xds.ca.clock import Moment
from xds.ca.encoding import certificates_pem
from xds.ca.profile import Lifetimes
from xds.model.credentials import Sealed
from xds.model.identity import SpiffeId
from xds.model.trust import TrustBundle
from xds.resources import SECRET
from xds.wire.secret_pb2 import CertificateValidationContext, Secret, SPIFFECertValidatorConfig

MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
LIVES = st.timedeltas(timedelta(seconds=2), timedelta(days=400))
FRACTIONS = st.floats(0, 1)
DER = st.binary(min_size=1, max_size=200)
DERS = st.lists(DER, max_size=3).map(tuple)
TEXTS = st.text(max_size=50)
DOMAINS = st.from_regex(r"[a-z][a-z.]{0,20}", fullmatch=True)
ALIASES = st.lists(TEXTS, max_size=2).map(tuple)
BUNDLES = st.builds(TrustBundle, DOMAINS, DERS, TEXTS, DERS, DERS, ALIASES, st.booleans())


def svid_of(obtained: datetime, life: timedelta, chain: tuple[bytes, ...] = (b"leaf",), key: bytes = b"key") -> Svid:
    return Svid(REVIEWS, chain, Sealed(key), obtained, obtained + life)


SVIDS = st.builds(svid_of, MOMENTS, LIVES, st.lists(DER, min_size=1, max_size=3).map(tuple), DER)


@given(MOMENTS, LIVES, FRACTIONS)
def test_a_renewal_comes_at_half_of_a_life_or_a_little_earlier(at: datetime, life: timedelta, fraction: float) -> None:
    due = renew_at(svid_of(at, life), fraction)
    slack = timedelta(microseconds=2)
    assert at + life / 2 * (1 - JITTER) - slack <= due <= at + life / 2 + slack


@given(st.integers(1, 10**9), FRACTIONS)
def test_pauses_grow_to_a_limit_and_are_never_all_the_same(failures: int, fraction: float) -> None:
    pause = pause_after(failures, fraction)
    assert FIRST_PAUSE / 2 <= pause <= LONGEST_PAUSE
    assert pause_after(failures, fraction, FIRST_PAUSE * 3) == min(pause, FIRST_PAUSE * 3 * (0.5 + 0.5 * fraction))
    assert pause_after(failures, 0) * 2 == pause_after(failures, 1) <= pause_after(failures + 1, 1)


KINDS = st.sampled_from([None, Means.TOKEN, Means.JOIN_TOKEN])


@given(st.booleans(), KINDS, st.booleans())
def test_a_certificate_comes_first_and_a_join_token_once(certificate: bool, kind: Means | None, spent: bool) -> None:
    shown = means(certificate=certificate, token=kind, spent=spent)
    assert (Means.CERTIFICATE in shown) is certificate
    assert shown[:1] == (Means.CERTIFICATE,) or not certificate
    assert (Means.JOIN_TOKEN in shown) is (kind is Means.JOIN_TOKEN and not spent)
    assert (Means.TOKEN in shown) is (kind is Means.TOKEN)


@pytest.mark.parametrize(
    ("shown", "status", "expected"),
    [
        (Means.CERTIFICATE, "UNAUTHENTICATED", True),
        (Means.CERTIFICATE, "UNAVAILABLE", True),
        (Means.CERTIFICATE, "RESOURCE_EXHAUSTED", False),
        (Means.JOIN_TOKEN, "PERMISSION_DENIED", True),
        (Means.JOIN_TOKEN, "UNAVAILABLE", False),
    ],
)
def test_an_outage_uses_up_no_token(shown: Means, status: str, *, expected: bool) -> None:
    assert is_next(shown, status) is expected


@given(st.builds(State, st.none() | SVIDS, st.lists(BUNDLES, max_size=3).map(tuple)))
def test_what_is_saved_is_read_back(state: State) -> None:
    assert from_json(to_json(state), "state") == state


CUT = st.builds(lambda state, length: to_json(state)[:length], st.builds(State, SVIDS), st.integers(0, 200))


@given(st.binary(max_size=200) | CUT)
def test_whatever_else_is_read_is_told_as_damaged(content: bytes) -> None:
    with pytest.raises(ValueError, match="state is damaged"):
        from_json(content, "state")


@given(SVIDS, st.lists(BUNDLES, max_size=3, unique_by=lambda bundle: bundle.trust_domain).map(tuple), DERS)
def test_an_answer_takes_no_root_away(svid: Svid, bundles: tuple[TrustBundle, ...], roots: tuple[bytes, ...]) -> None:
    after = after_answer(bundles, Answer(svid, roots))
    assert after[0].trust_domain == REVIEWS.trust_domain
    assert set(roots) <= set(after[0].authorities)
    kept = {bundle.trust_domain: set(bundle.authorities) for bundle in after}
    assert all(set(bundle.authorities) <= kept[bundle.trust_domain] for bundle in bundles)


KEY = new_key()
RATINGS = SpiffeId.of_workload("cluster.local", "default", "ratings")
CHAINS = st.lists(
    st.text() | st.sampled_from(["-----BEGIN CERTIFICATE-----\n", "AAAA\n", "-----END CERTIFICATE-----\n"])
)


@given(CHAINS)
def test_an_answer_that_is_none_is_a_failed_attempt(chain: list[str]) -> None:
    with pytest.raises(AttemptError, match="no X509-SVID"):
        read_answer(chain, KEY, Workload("default", "reviews"), datetime.now(UTC))


@pytest.mark.parametrize(
    ("asked_for", "offset", "reason"),
    [
        (None, timedelta(), "another key than ours"),
        (RATINGS, timedelta(), f"the certificate is for {RATINGS}"),
        (REVIEWS, timedelta(days=2), "set the clocks|holds from"),
        (REVIEWS, timedelta(days=-2), "set the clocks|holds from"),
    ],
)
def test_a_certificate_that_is_not_ours_is_not_used(asked_for: SpiffeId | None, offset: timedelta, reason: str) -> None:
    now = datetime.now(UTC)
    signer = new_authority("cluster.local", KeyType.EC_P256, Lifetimes(), now=now, serial=x509.random_serial_number)
    request = request_for(KEY if asked_for is not None else new_key())
    life, serial = timedelta(hours=1), x509.random_serial_number
    issued = issue(signer, request, asked_for or REVIEWS, life, now=Moment.at(now), serial=serial)
    chain = [certificates_pem([each]).decode() for each in issued.chain]
    with pytest.raises(AttemptError, match=reason):
        read_answer(chain, KEY, Workload("default", "reviews"), now + offset)


def test_the_control_plane_is_checked_against_the_file_and_what_it_said() -> None:
    assert control_plane_roots(b"file", State()) == b"file\n"
    learned = control_plane_roots(b"file\n", State(None, (TrustBundle("a", (b"root",)),)))
    assert learned.startswith(b"file\n-----BEGIN CERTIFICATE-----\ncm9vdA==\n-----END CERTIFICATE-----\n")


def test_a_newer_version_is_told_from_damage() -> None:
    with pytest.raises(ValueError, match="state was written by a newer version"):
        from_json(to_json(State()).replace(b'"version": 1', b'"version": 2'), "state")


OWN = TrustBundle("cluster.local", (b"root",), crls=(b"list",), aliases=("old.example",))
OTHER = TrustBundle("elsewhere.example", (b"other",))


def contexts(*bundles: TrustBundle) -> dict[str, CertificateValidationContext]:
    snapshot = secrets_of(State(svid_of(datetime.now(UTC), timedelta(hours=1)), bundles))
    assert snapshot is not None
    secrets = (Secret.FromString(resource.body) for resource in snapshot[SECRET])
    return {secret.name: secret.validation_context for secret in secrets if secret.HasField("validation_context")}


def test_lists_are_for_whole_chains_if_every_authority_has_one() -> None:
    for whole in (False, True):
        context = contexts(replace(OWN, listed_whole=whole))["ROOTCA"]
        assert context.crl.inline_bytes.startswith(b"-----BEGIN X509 CRL-----")
        assert context.only_verify_leaf_cert_crl is not whole


@pytest.mark.parametrize("whole", [False, True])
def test_federated_roots_are_for_names_of_their_own(*, whole: bool) -> None:
    found = contexts(replace(OWN, listed_whole=whole), OTHER)
    assert found.keys() == {"ROOTCA", "ALL", "CONTROLPLANE", "spiffe://cluster.local", "spiffe://elsewhere.example"}
    assert found["ROOTCA"] == found["ALL"]
    config = SPIFFECertValidatorConfig.FromString(found["ALL"].custom_validator_config.typed_config.value)
    roots = {each.name: each.trust_bundle.inline_bytes for each in config.trust_domains}
    assert list(roots) == ["cluster.local", "old.example", "elsewhere.example"]
    assert roots["old.example"] == roots["cluster.local"] != roots["elsewhere.example"]
    assert (b"X509 CRL" in roots["cluster.local"]) is whole
    for plain in ("spiffe://cluster.local", "CONTROLPLANE"):
        assert not found[plain].HasField("custom_validator_config")


def test_nothing_shows_a_key() -> None:
    state = State(svid_of(datetime.now(UTC), timedelta(hours=1), key=b"very secret"))
    assert "secret" not in f"{state!r} {state}"


@pytest.mark.parametrize(
    ("status", "details", "shown", "expected"),
    [
        ("UNAUTHENTICATED", "", Means.JOIN_TOKEN, "pilothouse token create"),
        ("UNAUTHENTICATED", "", Means.TOKEN, "--oidc-issuer"),
        ("PERMISSION_DENIED", "", Means.CERTIFICATE, "the token is tried instead"),
        ("UNAVAILABLE", "Ssl handshake failed: CERTIFICATE_VERIFY_FAILED", Means.TOKEN, "--root-cert"),
        ("UNAVAILABLE", "Peer name x is not in peer certificate", Means.TOKEN, "one of its names"),
        ("UNAVAILABLE", "Connection refused", Means.TOKEN, "whether the control plane runs"),
        ("UNIMPLEMENTED", "", Means.TOKEN, "--ca-dir"),
        ("RESOURCE_EXHAUSTED", "", Means.TOKEN, "tried again"),
        ("INTERNAL", "", Means.TOKEN, "log"),
    ],
)
def test_failures_say_what_to_do(status: str, details: str, shown: Means, expected: str) -> None:
    assert expected in advice(status, details, shown)


@pytest.mark.parametrize("revoked", [False, True])
def test_a_revoked_certificate_is_known_by_its_signers_list(*, revoked: bool) -> None:
    now = datetime.now(UTC)
    signer = new_authority("cluster.local", KeyType.EC_P256, Lifetimes(), now=now, serial=x509.random_serial_number)
    life, serial = timedelta(hours=1), x509.random_serial_number
    issued = issue(signer, request_for(KEY), REVIEWS, life, now=Moment.at(now), serial=serial)
    answer = read_answer(
        [certificates_pem([each]).decode() for each in issued.chain], KEY, Workload("default", "reviews"), now
    )
    number = issued.certificate.serial_number if revoked else 1
    entry = x509.RevokedCertificateBuilder().serial_number(number).revocation_date(now).build()
    builder = x509.CertificateRevocationListBuilder().issuer_name(issued.certificate.issuer).last_update(now)
    signed = builder.next_update(now + life).add_revoked_certificate(entry).sign(signer.issuing.key, hashes.SHA256())
    assert is_revoked(answer.svid, (signed.public_bytes(Encoding.DER),)) is revoked
