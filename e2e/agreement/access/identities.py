"""The certificates of those who ask, and of the proxy."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from e2e.agreement.access.world import IDENTITIES, TRUST_DOMAIN, principal
from xds.app.security import open_authority
from xds.ca.encoding import certificates_pem
from xds.ca.keyed import KeyedSvid, keyed_svid
from xds.model.identity import SpiffeId


@dataclass(frozen=True)
class Identities:
    """server_chain, server_key, roots: PEM. contexts: of clients, by index of `IDENTITIES`; None has no certificate."""

    server_chain: str
    server_key: str
    roots: str
    contexts: dict[int | None, ssl.SSLContext]


def new_identities(folder: Path) -> Identities:
    """Of an authority whose keys are in the folder."""
    authority = open_authority(folder / "ca", TRUST_DOMAIN)
    server = keyed_svid(authority, SpiffeId.of_workload(TRUST_DOMAIN, "default", "server"))
    contexts: dict[int | None, ssl.SSLContext] = {None: _context()}
    for index in range(len(IDENTITIES)):
        context = contexts[index] = _context()
        _show(context, keyed_svid(authority, SpiffeId.parse(principal(index))), folder / f"{index}.pem")
    roots = certificates_pem(authority.bundle)
    return Identities(server.chain.decode(), server.key.decode(), roots.decode(), contexts)


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it is the other end that is tested
    return context


def _show(context: ssl.SSLContext, svid: KeyedSvid, file: Path) -> None:
    file.write_bytes(svid.key + svid.chain)
    context.load_cert_chain(file)
