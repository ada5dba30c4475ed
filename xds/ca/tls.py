"""The server's own side of TLS: a certificate that renews itself, and contexts for handshakes."""

from __future__ import annotations

import os
import socket
import ssl
import tempfile
from collections.abc import Iterable
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from xds.ca.encoding import certificates_pem, key_pem
from xds.ca.keyed import new_request
from xds.ca.service import CertificateAuthority, Clock
from xds.model.identity import SpiffeId

NAMES: Final = ("istiod.istio-system.svc", "pilothouse", "localhost", "127.0.0.1", "::1")
"""How clients may call the server, beside the address that it listens on."""

_LIFE: Final = timedelta(hours=24)


class ServerTls:
    """Contexts that show a certificate of the authority, ask clients for one, and verify those that are shown.

    addresses: names and IP addresses by which clients reach the server.
    """

    def __init__(
        self, authority: CertificateAuthority, identity: SpiffeId, addresses: Iterable[str], clock: Clock
    ) -> None:
        self._authority = authority
        self._identity = identity
        self._addresses = [_general_name(address) for address in dict.fromkeys((*addresses, *NAMES))]
        self._clock = clock
        self._context: ssl.SSLContext | None = None
        self._made_of: tuple[tuple[x509.Certificate, ...], str] = ((), "")
        self._made_at = self._renew_at = clock()

    def __call__(self) -> ssl.SSLContext:
        """For a handshake that begins now: the same one until the roots or the signer change, or half of its
        certificate's life is over, or the clock has been set back."""
        bundle, now = self._authority.bundle, self._clock()
        made_of = bundle, self._authority.active.version
        if self._context is None or made_of != self._made_of or not self._made_at <= now < self._renew_at:
            self._context = self._new_context(bundle)
            self._made_of = made_of
            self._made_at, self._renew_at = now, now + _LIFE / 2
        return self._context

    def _new_context(self, bundle: tuple[x509.Certificate, ...]) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.verify_mode = ssl.CERT_OPTIONAL
        context.set_alpn_protocols(["h2"])
        context.load_verify_locations(cadata=certificates_pem(bundle).decode())
        self._load_own(context)
        return context

    def _load_own(self, context: ssl.SSLContext) -> None:
        """Python reads certificates from files only: this one is nobody else's, and gone at once."""
        key = ec.generate_private_key(ec.SECP256R1())
        issued = self._authority.issue_own(new_request(key), self._identity, _LIFE, self._addresses)
        descriptor, name = tempfile.mkstemp(prefix="pilothouse-")
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(key_pem(key) + certificates_pem(issued.chain[:-1]))
            context.load_cert_chain(name)
        finally:
            Path(name).unlink()


def _general_name(address: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(address))
    except ValueError:
        return x509.DNSName(address)


def own_names() -> tuple[str, ...]:
    """How this machine is called."""
    return tuple(dict.fromkeys((socket.gethostname(), socket.getfqdn())))
