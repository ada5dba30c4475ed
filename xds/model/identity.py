"""SPIFFE IDs: who a workload is (SPIFFE-ID standard, and Istio's shape of the path)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_SCHEME: Final = "spiffe://"
_MAX_ID: Final = 2048
_MAX_TRUST_DOMAIN: Final = 255
_TRUST_DOMAIN: Final = re.compile(r"[a-z0-9._-]+")
_SEGMENT: Final = re.compile(r"[a-zA-Z0-9._-]+")
_ISTIO_PATH: Final = re.compile(r"/ns/([^/]+)/sa/([^/]+)")


@dataclass(frozen=True, slots=True, order=True)
class SpiffeId:
    """``spiffe://TRUST_DOMAIN/PATH``. path: begins with a slash; empty for the trust domain itself."""

    trust_domain: str
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> SpiffeId:
        """The ID that ``text`` writes. Raises ValueError with the reason if it is none."""
        if len(text.encode()) > _MAX_ID:
            raise ValueError(f"a SPIFFE ID has at most {_MAX_ID} bytes")
        if not text.startswith(_SCHEME):
            raise ValueError(f"{text!r} does not begin with {_SCHEME}")
        trust_domain, slash, path = text.removeprefix(_SCHEME).partition("/")
        check_trust_domain(trust_domain)
        if slash:
            _check_path(path)
        return cls(trust_domain, slash + path)

    @classmethod
    def of_workload(cls, trust_domain: str, namespace: str, service_account: str) -> SpiffeId:
        """``spiffe://TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICE_ACCOUNT``. Raises ValueError if these cannot be in one."""
        for name in (namespace, service_account):
            _check_segment(name)  # with a slash in it, one name would be taken for several
        return cls.parse(f"{_SCHEME}{trust_domain}/ns/{namespace}/sa/{service_account}")

    @property
    def namespace(self) -> str:
        """Of a path in Istio's shape; empty for another path."""
        found = _ISTIO_PATH.fullmatch(self.path)
        return found.group(1) if found else ""

    @property
    def service_account(self) -> str:
        """Of a path in Istio's shape; empty for another path."""
        found = _ISTIO_PATH.fullmatch(self.path)
        return found.group(2) if found else ""

    @property
    def is_workload(self) -> bool:
        """True if it names somebody inside the trust domain, in Istio's shape."""
        return _ISTIO_PATH.fullmatch(self.path) is not None

    def __str__(self) -> str:
        return f"{_SCHEME}{self.trust_domain}{self.path}"


def check_trust_domain(text: str) -> None:
    """Raises ValueError with the reason if this cannot be a trust domain."""
    if not _TRUST_DOMAIN.fullmatch(text):
        raise ValueError(f"{text!r} is not a trust domain: lower-case letters, digits, dots, dashes and underscores")
    if len(text) > _MAX_TRUST_DOMAIN:
        raise ValueError(f"a trust domain has at most {_MAX_TRUST_DOMAIN} characters")


def _check_path(path: str) -> None:
    for segment in path.split("/"):
        _check_segment(segment)


def _check_segment(segment: str) -> None:
    if segment in (".", "..") or not _SEGMENT.fullmatch(segment):
        raise ValueError(f"{segment!r} cannot be part of a path: letters, digits, dots, dashes and underscores")
