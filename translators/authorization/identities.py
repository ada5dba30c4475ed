"""Who has connected, by the SPIFFE ID in the certificate: ``spiffe://TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICE_ACCOUNT``.

Without a certificate nobody is anybody: what asks for an identity is not met, what excludes one is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from envoy_data_plane.envoy.type.matcher.v3 import StringMatcher

from translators.authorization.texts import ANY, exact, pattern, regex

LOCAL: Final = "cluster.local"
"""In a policy it stands for the mesh's own trust domain, whatever that is called (Istio)."""

_SCHEME: Final = "spiffe://"
_SEGMENTS: Final = 5


@dataclass(frozen=True, slots=True)
class TrustDomains:
    """The mesh's own trust domain, and others that name the same identities."""

    own: str
    aliases: tuple[str, ...] = ()

    def expanded(self, principal: str) -> Iterator[str]:
        """The principal in each of them, each once, if it is of any; as it is otherwise.

        Istio: one in which all five segments are written; a trust domain that begins with a star stays as it is for
        those that it is for.
        """
        segments = principal.split("/")
        every = (self.own, *self.aliases)
        if len(segments) != _SEGMENTS or segments[0] == ANY:
            return iter((principal,))
        written, rest = segments[0], principal.removeprefix(segments[0])
        if written != LOCAL and not any(_is_for(written, each) for each in every):
            return iter((principal,))
        return iter(dict.fromkeys(principal if _is_for(written, each) else each + rest for each in every))


@lru_cache(maxsize=64)
def trust_domains(own: str, aliases: tuple[str, ...]) -> TrustDomains:
    """The same object for equal ones, as a memo tells them apart by identity."""
    return TrustDomains(own, aliases)


def _is_for(written: str, trust_domain: str) -> bool:
    return trust_domain.endswith(written[1:]) if written.startswith(ANY) else trust_domain == written


def principal(value: str) -> StringMatcher:
    """An identity without its scheme."""
    if value == ANY:
        return pattern(value)
    if value.startswith(ANY):
        return regex(f"{_SCHEME}.*{re.escape(value[1:])}")
    return pattern(_SCHEME + value)


def namespace(value: str) -> StringMatcher:
    """Everybody of a namespace, in whatever trust domain. A star may stand anywhere."""
    name = "[^/]*".join(map(re.escape, value.split(ANY)))
    return regex(f"{_SCHEME}[^/]+/ns/{name}/.*")


def service_account(value: str) -> StringMatcher:
    """A service account of a namespace, in whatever trust domain."""
    of_namespace, _, account = value.partition("/")
    return regex(f"{_SCHEME}[^/]+/ns/{re.escape(of_namespace)}/sa/{re.escape(account)}")


def trust_domain(value: str) -> StringMatcher:
    """Everybody of a trust domain."""
    if value == ANY:
        return regex(f"{_SCHEME}.+")
    if value.startswith(ANY):
        return regex(f"{_SCHEME}[^/]*{re.escape(value[1:])}/.*")
    if value.endswith(ANY):
        return exact_prefix(_SCHEME + value[:-1])
    return exact_prefix(f"{_SCHEME}{value}/")


def exact_prefix(text: str) -> StringMatcher:
    """What begins so."""
    return StringMatcher(prefix=text)


def request_principal(value: str) -> tuple[StringMatcher, StringMatcher]:
    """The issuer and the subject of a token, of which the value is ``ISSUER/SUBJECT``.

    The last slash divides them, as an issuer may be a URL; so a subject has none, and nobody can choose one by which
    he is taken for somebody of another issuer. A star at the beginning is of the issuer, one at the end of the subject;
    where nothing divides, the other one is anything.
    """
    issuer, slash, subject = value.rpartition("/")
    divided = slash and not issuer.endswith("/")  # in "https://acc*" the slashes are the URL's
    if value == ANY:
        return pattern(ANY), pattern(ANY)
    if value.startswith(ANY):
        return (pattern(issuer), exact(subject)) if divided else (pattern(ANY), pattern(value))
    return (exact(issuer), pattern(subject)) if divided else (pattern(value), pattern(ANY))
