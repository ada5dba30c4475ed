"""Which tokens a workload believes (Istio ``RequestAuthentication``). Names are Istio's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from xds.model.labels import EMPTY_LABELS, Labels
from xds.model.objects import ObjectKey, ObjectMeta, Place


@dataclass(frozen=True, slots=True)
class KeysReference:
    """Where the keys of an issuer come from: two that are equal are fetched once.

    url: of the key set; empty if the issuer's discovery document says it. timeout: for each answer.
    """

    issuer: str
    url: str = ""
    timeout: timedelta = timedelta(seconds=5)

    @property
    def can_be_asked(self) -> bool:
        """Whether there is anybody to ask: an issuer may have any name, and need not be a URL."""
        return bool(self.url) or self.issuer.startswith(("https://", "http://"))


@dataclass(frozen=True, slots=True)
class KeySet:
    """The public keys of an issuer. jwks: those that a proxy can use, as a JSON Web Key Set; never empty. left_out: why
    others were left out. remark: why they could not be fetched anew; empty if they could."""

    jwks: str
    left_out: tuple[str, ...] = ()
    remark: str = ""


@dataclass(frozen=True, slots=True)
class KeysFailure:
    """Why keys cannot be had."""

    reason: str


KeySets: TypeAlias = Mapping[KeysReference, KeySet | KeysFailure]
"""What is known of keys; of those that are not here it is not known yet."""


@dataclass(frozen=True, slots=True)
class JwtHeader:
    """Istio ``JWTHeader``: a header that may have a token, behind this prefix."""

    name: str
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class ClaimToHeader:
    """Istio ``ClaimToHeader``. claim: its name; of one within other objects ``outer.inner``."""

    header: str
    claim: str


@dataclass(frozen=True, slots=True)
class JwtRule:
    """Istio ``JWTRule``: what makes a token of one issuer valid, where it is looked for, and what becomes of it.

    audiences: any of them; empty for all. keys: given, or to be fetched. from_headers, from_params, from_cookies: all
    empty for Envoy's default, which is Istio's: ``Authorization: Bearer``, and the parameter ``access_token``. forward:
    the token itself goes on to the workload. payload_header: in which its payload does; empty for none.
    """

    issuer: str
    keys: KeySet | KeysReference
    place: Place
    audiences: tuple[str, ...] = ()
    from_headers: tuple[JwtHeader, ...] = ()
    from_params: tuple[str, ...] = ()
    from_cookies: tuple[str, ...] = ()
    forward: bool = False
    payload_header: str = ""
    claim_headers: tuple[ClaimToHeader, ...] = ()
    space_delimited: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RequestAuthentication:
    """Istio ``RequestAuthentication``.

    selector: of workloads; empty for all of the namespace, or of the mesh from the root namespace. gateways: names of
    Kubernetes Gateways, instead of a selector; None for none.
    """

    meta: ObjectMeta
    rules: tuple[JwtRule, ...] = ()
    selector: Labels = EMPTY_LABELS
    gateways: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ProxyJwtRule:
    """A rule as a proxy has it. source: the policy. jwks: see `KeySet`; empty while there are none, so that no token is
    valid."""

    rule: JwtRule
    source: ObjectKey
    jwks: str
