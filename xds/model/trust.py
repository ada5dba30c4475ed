"""What certificates and tokens of a trust domain are checked against."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrustBundle:
    """authorities: roots, DER. jwks: the keys of JWT-SVIDs, a JSON Web Key Set; empty if they are not known. crls:
    lists of revoked certificates, DER. tainted: authorities of which nothing is to be used that they have signed."""

    trust_domain: str
    authorities: tuple[bytes, ...]
    jwks: str = ""
    crls: tuple[bytes, ...] = ()
    tainted: tuple[bytes, ...] = ()
