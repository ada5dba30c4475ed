"""``/debug/credentials``: what there is to know of certificates. Nothing of a private key is in it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from xds.app.expiry import lives_of
from xds.console.http import Json
from xds.model.credentials import CertificateFacts, Credential
from xds.model.mesh import Mesh


def credentials_document(mesh: Mesh, now: float) -> Json:
    """Every Secret and ConfigMap in force that has anything for proxies in it. now: epoch seconds."""
    moment = datetime.fromtimestamp(now, UTC)
    everything = (each for group in mesh.credentials.values() for each in group if each.key_pair or each.authority)
    return [_document(each, moment) for each in sorted(everything, key=lambda each: each.meta.key)]


def _document(credential: Credential, now: datetime) -> Mapping[str, Json]:
    pair, authority = credential.key_pair, credential.authority
    return {
        "object": str(credential.meta.key),
        "origin": str(credential.meta.origin),
        "expiry": [
            {"part": life.part, "what": life.what, "expires": life.ends.isoformat(), "state": life.state(now)}
            for life in lives_of(credential)
        ],
        "certificates": [_certificate(each) for each in pair.certificates] if pair else [],
        "authorities": [_certificate(each) for each in authority.certificates] if authority else [],
    }


def _certificate(facts: CertificateFacts) -> Mapping[str, Json]:
    return {
        "subject": facts.subject,
        "issuer": facts.issuer,
        "serial": facts.serial,
        "subjectAltNames": list(facts.subject_alt_names),
        "notBefore": facts.not_before.isoformat(),
        "notAfter": facts.not_after.isoformat(),
    }
