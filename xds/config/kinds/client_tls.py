"""TLS towards a destination (Istio ``ClientTLSSettings``)."""

from __future__ import annotations

from typing import Final

from xds.config.reader import Reader
from xds.model.policy import ClientTLSSettings, TLSMode

HONOURED_TLS: Final = (
    "mode sni subjectAltNames caCertificates caCrl clientCertificate privateKey insecureSkipVerify credentialName"
)
"""The honoured fields of TLS settings, for a kind's list."""

_FILES: Final = ("clientCertificate", "privateKey", "caCertificates", "caCrl")


def parse_client_tls(policy: Reader) -> ClientTLSSettings | None:
    """``tls`` of a traffic policy; None if absent. Without a mode it is DISABLE, as in Istio."""
    tls = policy.child("tls")
    if tls is None:
        return None
    mode = TLSMode(tls.text("mode", "DISABLE"))
    if mode in (TLSMode.SIMPLE, TLSMode.MUTUAL):
        _check_credentials(tls, mode)
    return ClientTLSSettings(
        mode=mode,
        sni=tls.text("sni"),
        subject_alt_names=tls.strings("subjectAltNames"),
        ca_certificates=tls.text("caCertificates"),
        client_certificate=tls.text("clientCertificate"),
        private_key=tls.text("privateKey"),
        insecure_skip_verify=tls.flag("insecureSkipVerify"),
        ca_crl=tls.text("caCrl"),
        credential_name=tls.text("credentialName"),
        credential_place=tls.place("credentialName") if tls.text("credentialName") else None,
    )


def _check_credentials(tls: Reader, mode: TLSMode) -> None:
    if tls.flag("insecureSkipVerify"):
        for name in ("caCertificates", "caCrl", "subjectAltNames"):
            if tls.raw_value(name):
                tls.error(name, "cannot be given together with insecureSkipVerify", "conflicting-fields")
    if tls.text("credentialName"):
        for name in _FILES:
            if tls.text(name):
                tls.error(name, "cannot be given together with credentialName", "conflicting-fields")
    elif mode is TLSMode.MUTUAL:
        for name in ("clientCertificate", "privateKey"):
            if not tls.text(name):
                tls.error(name, "is required for MUTUAL", "missing-field")
