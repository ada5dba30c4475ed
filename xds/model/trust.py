"""What certificates and tokens of a trust domain are checked against."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrustBundle:
    """authorities: roots, DER. jwks: the keys of JWT-SVIDs, a JSON Web Key Set; empty if they are not known. crls:
    lists of revoked certificates, DER. tainted: authorities of which nothing is to be used that they have signed.
    aliases: other names of the trust domain. listed_whole: whether every authority, roots and those below them, has a
    list, so that a whole chain can be checked."""

    trust_domain: str
    authorities: tuple[bytes, ...]
    jwks: str = ""
    crls: tuple[bytes, ...] = ()
    tainted: tuple[bytes, ...] = ()
    aliases: tuple[str, ...] = ()
    listed_whole: bool = False
