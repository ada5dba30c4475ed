"""An authority as it stands in a folder of its own, in files of Istio's names."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from xds.ca.authority import Authority
from xds.ca.encoding import certificates_pem, key_pem, lists_pem, read_certificates, read_key, read_lists
from xds.ca.errors import CertificateError
from xds.ca.profile import Signer

ROOTS: Final = "root-cert.pem"
ROOT_KEY: Final = "root-key.pem"
ISSUING: Final = "ca-cert.pem"
ISSUING_KEY: Final = "ca-key.pem"
CHAIN: Final = "cert-chain.pem"
JWT_KEY: Final = "jwt-key.pem"
LISTS: Final = "ca-crl.pem"


def authority_files(authority: Authority) -> dict[str, bytes]:
    """What is to be in its folder, by name."""
    files = {
        ROOTS: certificates_pem(authority.roots),
        ISSUING: certificates_pem([authority.issuing.certificate]),
        ISSUING_KEY: key_pem(authority.issuing.key),
        CHAIN: certificates_pem(authority.chain),
        JWT_KEY: key_pem(authority.jwt_key),
    }
    if authority.root_key is not None:
        files[ROOT_KEY] = key_pem(authority.root_key)
    if authority.lists:
        files[LISTS] = lists_pem(authority.lists)
    return files


def read_authority(folder: Path, trust_domain: str) -> Authority:
    """The same, read. Raises CertificateError and OSError."""
    files = {path.name: path.read_bytes() for path in folder.iterdir()}

    def named(name: str) -> str:
        return f"{folder}/{name}"

    try:
        (issuing,) = read_certificates(files[ISSUING], named(ISSUING))
        jwt_key = read_key(files[JWT_KEY], named(JWT_KEY))
        if not isinstance(jwt_key, ec.EllipticCurvePrivateKey):
            raise CertificateError(f"{named(JWT_KEY)}: the key has to be EC")
        return Authority(
            trust_domain,
            read_certificates(files[ROOTS], named(ROOTS)),
            Signer(issuing, read_key(files[ISSUING_KEY], named(ISSUING_KEY))),
            # empty below a root that signs itself
            read_certificates(files[CHAIN], named(CHAIN)) if files[CHAIN] else (),
            jwt_key,
            read_key(files[ROOT_KEY], named(ROOT_KEY)) if ROOT_KEY in files else None,
            read_lists(files[LISTS], named(LISTS)) if LISTS in files else (),
        )
    except KeyError as error:
        raise CertificateError(f"{named(error.args[0])} is missing") from error
