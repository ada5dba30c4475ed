"""Who asks: what the command line says of the client's identity, its address and its token."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from xds.app.errors import StartError
from xds.model.identity import SpiffeId

_MOST_CLAIMS: Final = 65536
"""Characters; a header that is longer gets no further than to the proxy."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Each is empty if nothing is said of it.

    principal: a SPIFFE ID, or ``TRUST_DOMAIN/NAMESPACE/ACCOUNT``, or ``TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT``.
    source_ip: an IP address. claims: a JSON object, or ``@`` and the name of a file with one.
    """

    principal: str = ""
    source_ip: str = ""
    claims: str = ""

    @property
    def identity(self) -> str | None:
        """The SPIFFE ID; None if nothing is said of it. Raises StartError if it is none."""
        return str(_identity(self.principal)) if self.principal else None

    @property
    def address(self) -> str:
        """The IP address; empty if nothing is said of it. Raises StartError if it is none."""
        try:
            return str(ip_address(self.source_ip)) if self.source_ip else ""
        except ValueError as error:
            raise StartError(f"--source-ip {self.source_ip} is no IP address") from error

    @property
    def token(self) -> Mapping[str, object] | None:
        """What the client's token holds; None without one. Raises StartError if it is no JSON object."""
        return _claims(self.claims) if self.claims else None


NOTHING_SAID: Final = Sender()


def _identity(text: str) -> SpiffeId:
    names = text.split("/")
    try:
        if "://" in text:
            return SpiffeId.parse(text)
        return SpiffeId.of_workload(*names) if len(names) == 3 else SpiffeId.parse(f"spiffe://{text}")
    except ValueError as error:
        raise StartError(f"--principal: {error}") from error


def _claims(text: str) -> Mapping[str, object]:
    try:
        written = Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text
        found = json.loads(written) if len(written) <= _MOST_CLAIMS else None
    except (OSError, ValueError) as error:
        raise StartError(f"--claims: {error}") from error
    if not isinstance(found, dict):
        raise StartError(f"--claims is no JSON object of at most {_MOST_CLAIMS} characters")
    return found
