"""TLS of a server (Istio ``ServerTLSSettings``), and what contradicts itself in it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from xds.config.reader import Reader
from xds.model.objects import Place
from xds.model.server_tls import ServerCertificate, ServerTLSMode, ServerTLSSettings, TLSVersion

HONOURED_SERVER_TLS: Final = (
    "mode httpsRedirect credentialName credentialNames caCertCredentialName serverCertificate privateKey "
    "caCertificates caCrl insecureSkipVerify subjectAltNames verifyCertificateSpki verifyCertificateHash "
    "minProtocolVersion maxProtocolVersion cipherSuites "
    "tlsCertificates.serverCertificate tlsCertificates.privateKey"
)
"""The honoured fields of a server's TLS, for a kind's list."""

CIPHER_SUITES: Final = frozenset(
    f"{exchange}{cipher}"
    for exchange in ("ECDHE-ECDSA-", "ECDHE-RSA-", "")
    for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA", "AES256-SHA")
) | {"ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305", "DES-CBC3-SHA"}
"""What Istio allows and Envoy knows, for TLS 1.2 and before; TLS 1.3 has its own, which cannot be chosen."""

_FILES: Final = ("serverCertificate", "privateKey", "caCertificates", "tlsCertificates")
_CREDENTIALS: Final = ("credentialName", "credentialNames", "caCertCredentialName")
_OF_CLIENTS: Final = ("subjectAltNames", "verifyCertificateSpki", "verifyCertificateHash", "insecureSkipVerify")
_OLD: Final = (TLSVersion.V1_0, TLSVersion.V1_1)
_SPKI = re.compile(r"[A-Za-z0-9+/]{43}=")
_HASH = re.compile(r"[0-9a-fA-F]{64}|[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){31}")


def parse_server_tls(tls: Reader) -> ServerTLSSettings:
    """The settings. Without a mode it is PASSTHROUGH, as in Istio."""
    mode = ServerTLSMode(tls.text("mode", "PASSTHROUGH"))
    _check_sources(tls)
    _check_mode(tls, mode)
    named = tls.text("credentialName")
    return ServerTLSSettings(
        mode=mode,
        https_redirect=tls.flag("httpsRedirect"),
        credential_names=(named,) if named else tls.strings("credentialNames"),
        ca_credential_name=tls.text("caCertCredentialName"),
        certificates=_certificates(tls),
        ca_certificates=tls.text("caCertificates"),
        ca_crl=tls.text("caCrl"),
        insecure_skip_verify=tls.flag("insecureSkipVerify"),
        subject_alt_names=tls.strings("subjectAltNames"),
        spki_pins=tls.parsed_strings("verifyCertificateSpki", _spki),
        hash_pins=tls.parsed_strings("verifyCertificateHash", _hash),
        min_version=_version(tls, "minProtocolVersion"),
        max_version=_version(tls, "maxProtocolVersion"),
        cipher_suites=parse_cipher_suites(tls),
        credential_places=_credential_places(tls),
    )


def given(tls: Reader, names: Iterable[str]) -> list[str]:
    """Those of the fields that say something."""
    return [name for name in names if tls.raw_value(name)]


def _credential_places(tls: Reader) -> dict[str, Place]:
    listed = {name: tls.place(("credentialNames", index)) for index, name in enumerate(tls.strings("credentialNames"))}
    single = {tls.text(field): tls.place(field) for field in given(tls, ("caCertCredentialName", "credentialName"))}
    return listed | single


def _certificates(tls: Reader) -> tuple[ServerCertificate, ...]:
    chain, key = tls.text("serverCertificate"), tls.text("privateKey")
    own = (ServerCertificate(chain, key),) if chain and key else ()
    listed = tls.items("tlsCertificates")
    return own or tuple(ServerCertificate(each.text("serverCertificate"), each.text("privateKey")) for each in listed)


def _check_sources(tls: Reader) -> None:
    """Certificates come from one place; part of this says the schema itself."""
    sources = given(tls, ("credentialName", "credentialNames", "serverCertificate", "tlsCertificates"))
    for other in sources[1:]:
        tls.error(other, f"cannot be given together with {sources[0]}", "conflicting-fields")


def _check_mode(tls: Reader, mode: ServerTLSMode) -> None:
    if not mode.terminates:
        for name in given(tls, (*_FILES, *_CREDENTIALS, "caCrl")):
            tls.warning(name, f"{mode.value} does not use certificates: it has no effect", "no-effect")
    elif mode is ServerTLSMode.ISTIO_MUTUAL:
        for name in given(tls, (*_FILES, *_CREDENTIALS)):
            tls.error(name, "cannot be given with ISTIO_MUTUAL, which uses the mesh's own", "conflicting-fields")
    else:
        _check_certificates(tls, mode)
        _check_versions(tls)
    if not mode.verifies and mode is not ServerTLSMode.ISTIO_MUTUAL:
        for name in given(tls, _OF_CLIENTS):
            tls.warning(name, f"{mode.value} does not verify clients: it has no effect", "no-effect")


def _check_certificates(tls: Reader, mode: ServerTLSMode) -> None:
    credentials = given(tls, ("credentialName", "credentialNames"))
    if not credentials:
        _check_files(tls, mode)
    if mode.verifies and not given(tls, ("caCertificates", "caCertCredentialName", *credentials)):
        tls.error("caCertificates", f"is required for {mode.value}", "missing-field")
    if tls.text("caCrl"):
        if credentials or tls.text("caCertCredentialName"):
            tls.error("caCrl", "cannot be given with a credential, which has a ca.crl of its own", "conflicting-fields")
        elif not mode.verifies:
            tls.error("caCrl", f"{mode.value} does not verify clients", "conflicting-fields")
    if not mode.verifies and tls.text("caCertCredentialName"):
        tls.warning("caCertCredentialName", f"{mode.value} does not verify clients: it has no effect", "no-effect")


def _check_files(tls: Reader, mode: ServerTLSMode) -> None:
    listed = tls.items("tlsCertificates")
    for reader in listed or (tls,):
        for name in ("serverCertificate", "privateKey"):
            if not reader.text(name):
                reader.error(name, f"is required for {mode.value}, unless a credentialName is given", "missing-field")
    for reader in listed:
        if reader.text("caCertificates"):
            reader.warning("caCertificates", "has no effect: give those of the server itself", "no-effect")


def _check_versions(tls: Reader) -> None:
    least, most = _version(tls, "minProtocolVersion"), _version(tls, "maxProtocolVersion")
    order = list(TLSVersion)
    if most is not TLSVersion.AUTO and order.index(least) > order.index(most):
        tls.error("minProtocolVersion", f"{least.value} is above maxProtocolVersion", "conflicting-fields")
    if least in _OLD and not tls.strings("cipherSuites"):
        reason = "versions before TLSV1_2 need cipherSuites that they have: without them only later ones are accepted"
        tls.warning("minProtocolVersion", reason, "no-effect")


def _version(tls: Reader, name: str) -> TLSVersion:
    return TLSVersion(tls.text(name, "TLS_AUTO"))


def parse_cipher_suites(tls: Reader) -> tuple[str, ...]:
    """``cipherSuites``, each once; those that Envoy has not are reported and left out."""
    found: dict[str, None] = {}
    for index, suite in enumerate(tls.strings("cipherSuites")):
        if suite not in CIPHER_SUITES:
            tls.warning(("cipherSuites", index), f"{suite[:60]!r} is not a cipher suite of Envoy's", "no-effect")
        elif suite in found:
            tls.warning(("cipherSuites", index), f"{suite} is in the list already", "duplicate")
        else:
            found[suite] = None
    return tuple(found)


def _spki(text: str) -> str:
    if not _SPKI.fullmatch(text):
        raise ValueError("must be the SHA-256 of a public key in base64: 44 characters")
    return text


def _hash(text: str) -> str:
    if not _HASH.fullmatch(text):
        raise ValueError("must be the SHA-256 of a certificate: 64 hexadecimal digits, colons between pairs or not")
    return text
