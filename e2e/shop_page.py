"""The shop's page as a visitor reads it, and a change of configuration that shows on it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_VERSION = re.compile(r'data-version="(v\d)"')
_STARS = re.compile(r'class="stars (\w+)"')
_INSTANCE = re.compile(r"Reviews served by <strong>([^<]+)</strong>")


@dataclass(frozen=True)
class Page:
    """What the page shows. reviews: the version that they are of, and instance, who served them; empty if there are
    none. stars: their colours."""

    status: int
    reviews: str
    instance: str
    stars: frozenset[str]

    @classmethod
    def of(cls, status: int, text: str) -> Page:
        """Reads it."""
        return cls(status, _first(_VERSION, text), _first(_INSTANCE, text), frozenset(_STARS.findall(text)))


def all_reviews_to(version: str) -> str:
    """A VirtualService."""
    return f"""\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: reviews
spec:
  hosts: [reviews]
  http:
  - route:
    - destination: {{host: reviews, subset: {version}}}
"""


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found.group(1) if found else ""
