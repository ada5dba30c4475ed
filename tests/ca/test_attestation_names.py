"""Certificates prove the identity in them, under any name of the trust domain, unless they are revoked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.ca.kit import NOW, REVIEWS, TRUST_DOMAIN, authority, request
from xds.ca.attestation import Attestor, Evidence, attest, by_certificate
from xds.ca.authority import issue
from xds.ca.clock import Moment
from xds.ca.errors import CertificateError
from xds.model.identity import SpiffeId

OURS = authority()
OLD = replace(REVIEWS, trust_domain="old.example")


def evidence(identity: SpiffeId) -> Evidence:
    at_will = replace(OURS, trust_domain=identity.trust_domain)
    made = issue(at_will, request(), identity, timedelta(hours=1), now=Moment.at(NOW), serial=x509.random_serial_number)
    return Evidence(made.certificate.public_bytes(Encoding.DER))


async def whose(shown: Evidence, attestor: Attestor) -> SpiffeId:
    return await attest(shown, [attestor])


async def test_an_alias_is_another_name_of_the_same_workload() -> None:
    aliases = list[str]()
    attestor = by_certificate(TRUST_DOMAIN, lambda _: False, lambda: aliases)
    assert await whose(evidence(REVIEWS), attestor) == REVIEWS
    with pytest.raises(CertificateError, match="another trust domain"):
        await whose(evidence(OLD), attestor)
    aliases.append("old.example")
    assert await whose(evidence(OLD), attestor) == REVIEWS


async def test_a_revoked_one_proves_nothing() -> None:
    bad, good = evidence(REVIEWS), evidence(REVIEWS)
    attestor = by_certificate(TRUST_DOMAIN, lambda shown: shown == bad.certificate)
    assert await whose(good, attestor) == REVIEWS
    with pytest.raises(CertificateError, match="is revoked"):
        await whose(bad, attestor)
