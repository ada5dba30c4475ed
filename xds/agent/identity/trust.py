"""Which roots are trusted, when several ways lead to them. Pure."""

from __future__ import annotations

from dataclasses import replace

from xds.agent.identity.request import Answer
from xds.agent.identity.svid import State, certificates_pem
from xds.model.trust import TrustBundle


def after_answer(bundles: tuple[TrustBundle, ...], answer: Answer) -> tuple[TrustBundle, ...]:
    """The bundles once a certificate has come, with its roots. Others that were known stay: while a root is replaced
    both are in use, and the answer has the one alone that has signed."""
    domain = answer.svid.identity.trust_domain
    own = next((bundle for bundle in bundles if bundle.trust_domain == domain), TrustBundle(domain, ()))
    known = tuple(dict.fromkeys((*own.authorities, *answer.roots)))
    others = (bundle for bundle in bundles if bundle.trust_domain != domain)
    return (replace(own, authorities=known), *others)


def control_plane_roots(file: bytes, state: State) -> bytes:
    """What the control plane's certificate is checked against (PEM): the file, and what the control plane has said
    since, so that its root can be replaced without anybody's replacing the file."""
    learned = certificates_pem(state.bundle.authorities) if state.bundle is not None else b""
    return file.rstrip() + b"\n" + learned
