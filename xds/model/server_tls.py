"""TLS that a proxy terminates, or passes on by its server name (Istio ``ServerTLSSettings``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from xds.model.objects import Place


class ServerTLSMode(Enum):
    """Istio ``ServerTLSSettings.TLSmode``; the first is what holds where none is given."""

    PASSTHROUGH = "PASSTHROUGH"  # routes by server name, and leaves the connection as it is
    SIMPLE = "SIMPLE"
    MUTUAL = "MUTUAL"
    AUTO_PASSTHROUGH = "AUTO_PASSTHROUGH"  # the server name says which service and subset is meant
    ISTIO_MUTUAL = "ISTIO_MUTUAL"  # the mesh's own certificates
    OPTIONAL_MUTUAL = "OPTIONAL_MUTUAL"  # a client need not show a certificate, but one that it shows is verified

    @property
    def terminates(self) -> bool:
        """Whether the proxy itself is the other end of the TLS connection."""
        return self not in (ServerTLSMode.PASSTHROUGH, ServerTLSMode.AUTO_PASSTHROUGH)

    @property
    def verifies(self) -> bool:
        """Whether clients' certificates are verified, and the user says what against."""
        return self in (ServerTLSMode.MUTUAL, ServerTLSMode.OPTIONAL_MUTUAL)


class TLSVersion(Enum):
    """Istio ``ServerTLSSettings.TLSProtocol``."""

    AUTO = "TLS_AUTO"
    V1_0 = "TLSV1_0"
    V1_1 = "TLSV1_1"
    V1_2 = "TLSV1_2"
    V1_3 = "TLSV1_3"


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """A certificate chain and its key: paths in the file system of the proxy."""

    chain: str
    key: str


@dataclass(frozen=True, slots=True)
class ServerTLSSettings:
    """Istio ``ServerTLSSettings``.

    https_redirect: plain-text requests are sent to https. credential_names: of the certificates, in order of
    preference; ca_credential_name: of what clients' certificates are verified against, empty for the first of
    credential_names. certificates, ca_certificates, ca_crl: files, where no credential is named.
    insecure_skip_verify: whatever certificate a client shows is good. subject_alt_names, spki_pins, hash_pins: of
    clients' certificates; each list allows all if it is empty. cipher_suites: those that Envoy knows, each once.
    credential_places: by the name of a credential, where it is written.
    """

    mode: ServerTLSMode = ServerTLSMode.PASSTHROUGH
    https_redirect: bool = False
    credential_names: tuple[str, ...] = ()
    ca_credential_name: str = ""
    certificates: tuple[ServerCertificate, ...] = ()
    ca_certificates: str = ""
    ca_crl: str = ""
    insecure_skip_verify: bool = False
    subject_alt_names: tuple[str, ...] = ()
    spki_pins: tuple[str, ...] = ()
    hash_pins: tuple[str, ...] = ()
    min_version: TLSVersion = TLSVersion.AUTO
    max_version: TLSVersion = TLSVersion.AUTO
    cipher_suites: tuple[str, ...] = ()
    credential_places: Mapping[str, Place] = field(default_factory=dict, compare=False)

    @property
    def certificate_credentials(self) -> tuple[str, ...]:
        """The credentials without which the server has no certificate."""
        return self.credential_names if self.mode.terminates else ()

    @property
    def authority_credential(self) -> str:
        """The credential that clients' certificates are verified against; empty if there is none."""
        if not self.mode.verifies:
            return ""
        return self.ca_credential_name or next(iter(self.credential_names), "")
