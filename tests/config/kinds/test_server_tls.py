"""TLS of a gateway's servers: every field, and every combination that contradicts itself."""

from __future__ import annotations

import pytest

from tests.config.kinds.istio import accepted, refused, warned
from xds.config.kinds.gateway import KIND
from xds.model.server_tls import ServerCertificate, ServerTLSMode, ServerTLSSettings, TLSVersion

FILES = "serverCertificate: /c.pem, privateKey: /k.pem"
SPKI = "IQnLhNPH/LTI1HLbPBtX3TxAQgdTLkjYQpp8WkxQseE="
PATH = "spec.servers[0].tls"


def server(tls: str, protocol: str = "HTTPS") -> str:
    text = f"servers:\n- port: {{number: 443, name: x, protocol: {protocol}}}\n  hosts: ['*']"
    return f"{text}\n  tls: {{{tls}}}" if tls else text


def settings(tls: str, protocol: str = "HTTPS") -> ServerTLSSettings | None:
    return accepted(KIND, server(tls, protocol)).servers[0].tls


def test_reads_every_field() -> None:
    found = settings(
        f"mode: MUTUAL, {FILES}, caCertificates: /ca.pem, caCrl: /crl.pem, insecureSkipVerify: true, "
        f"subjectAltNames: [a, b], verifyCertificateSpki: ['{SPKI}'], verifyCertificateHash: [{'aB' * 32}], "
        "minProtocolVersion: TLSV1_2, maxProtocolVersion: TLSV1_3, cipherSuites: [AES128-SHA], httpsRedirect: true"
    )
    assert found == ServerTLSSettings(
        mode=ServerTLSMode.MUTUAL,
        https_redirect=True,
        certificates=(ServerCertificate("/c.pem", "/k.pem"),),
        ca_certificates="/ca.pem",
        ca_crl="/crl.pem",
        insecure_skip_verify=True,
        subject_alt_names=("a", "b"),
        spki_pins=(SPKI,),
        hash_pins=("aB" * 32,),
        min_version=TLSVersion.V1_2,
        max_version=TLSVersion.V1_3,
        cipher_suites=("AES128-SHA",),
    )


@pytest.mark.parametrize(
    ("tls", "certificates", "authority"),
    [
        ("mode: SIMPLE, credentialName: web", ("web",), ""),
        ("mode: SIMPLE, credentialNames: [rsa, ecdsa]", ("rsa", "ecdsa"), ""),
        ("mode: MUTUAL, credentialName: web", ("web",), "web"),
        ("mode: OPTIONAL_MUTUAL, credentialNames: [rsa, ecdsa]", ("rsa", "ecdsa"), "rsa"),
        ("mode: MUTUAL, credentialName: web, caCertCredentialName: roots", ("web",), "roots"),
        (f"mode: MUTUAL, {FILES}, caCertCredentialName: roots", (), "roots"),
        (f"mode: MUTUAL, {FILES}, caCertificates: /ca.pem", (), ""),
        ("mode: ISTIO_MUTUAL", (), ""),
    ],
)
def test_names_the_credentials_that_it_needs(tls: str, certificates: tuple[str, ...], authority: str) -> None:
    found = settings(tls)
    assert found is not None
    assert (found.certificate_credentials, found.authority_credential) == (certificates, authority)


def test_reads_two_certificates() -> None:
    two = "[{serverCertificate: /a.pem, privateKey: /a.key}, {serverCertificate: /b.pem, privateKey: /b.key}]"
    found = settings(f"mode: SIMPLE, tlsCertificates: {two}")
    assert found is not None
    assert found.certificates == (ServerCertificate("/a.pem", "/a.key"), ServerCertificate("/b.pem", "/b.key"))


@pytest.mark.parametrize("protocol", ["TLS", "HTTPS"])
def test_without_a_mode_it_is_passed_through(protocol: str) -> None:
    found = settings("minProtocolVersion: TLS_AUTO", protocol)
    assert found is not None
    assert found.mode is ServerTLSMode.PASSTHROUGH


def test_plain_http_may_send_to_https() -> None:
    assert settings("httpsRedirect: true", "HTTP") == ServerTLSSettings(https_redirect=True)


@pytest.mark.parametrize(
    ("protocol", "tls", "fields"),
    [
        ("HTTPS", "", [""]),
        ("TLS", "", [""]),
        ("TCP", "mode: PASSTHROUGH", [""]),
        ("HTTP", f"mode: SIMPLE, {FILES}", [".mode", ".serverCertificate", ".privateKey"]),
        ("HTTPS", "mode: SIMPLE", [".serverCertificate", ".privateKey"]),
        ("HTTPS", "mode: SIMPLE, serverCertificate: /c.pem", [".privateKey"]),
        ("HTTPS", f"mode: MUTUAL, {FILES}", [".caCertificates"]),
        ("HTTPS", "mode: OPTIONAL_MUTUAL, caCertificates: /ca.pem", [".serverCertificate", ".privateKey"]),
        ("HTTPS", "mode: SIMPLE, tlsCertificates: [{privateKey: /k}]", [".tlsCertificates[0].serverCertificate"]),
        ("HTTPS", f"mode: SIMPLE, credentialName: a, {FILES}", [".serverCertificate"]),
        ("HTTPS", "mode: ISTIO_MUTUAL, credentialName: a", [".credentialName"]),
        ("HTTPS", "mode: ISTIO_MUTUAL, caCertificates: /ca", [".caCertificates"]),
        ("HTTPS", "mode: MUTUAL, credentialName: a, caCrl: /crl", [".caCrl"]),
        ("HTTPS", f"mode: SIMPLE, {FILES}, caCrl: /crl", [".caCrl"]),
        (
            "HTTPS",
            "mode: SIMPLE, credentialName: a, minProtocolVersion: TLSV1_3, maxProtocolVersion: TLSV1_2",
            [".minProtocolVersion"],
        ),
        ("HTTPS", "mode: MUTUAL, credentialName: a, verifyCertificateSpki: [abc]", [".verifyCertificateSpki[0]"]),
        ("HTTPS", "mode: MUTUAL, credentialName: a, verifyCertificateHash: [abc]", [".verifyCertificateHash[0]"]),
    ],
)
def test_refuses_what_contradicts_itself(protocol: str, tls: str, fields: list[str]) -> None:
    assert [path for _, path in refused(KIND, server(tls, protocol))] == [f"{PATH}{field}" for field in fields]


@pytest.mark.parametrize(
    ("tls", "field", "code"),
    [
        ("mode: PASSTHROUGH, credentialName: a", ".credentialName", "no-effect"),
        ("mode: AUTO_PASSTHROUGH, serverCertificate: /c.pem", ".serverCertificate", "no-effect"),
        ("mode: SIMPLE, credentialName: a, caCertCredentialName: b", ".caCertCredentialName", "no-effect"),
        ("mode: SIMPLE, credentialName: a, subjectAltNames: [b]", ".subjectAltNames", "no-effect"),
        ("mode: SIMPLE, credentialName: a, minProtocolVersion: TLSV1_0", ".minProtocolVersion", "no-effect"),
        ("mode: SIMPLE, credentialName: a, cipherSuites: [ROT13]", ".cipherSuites[0]", "no-effect"),
        ("mode: SIMPLE, credentialName: a, cipherSuites: [AES128-SHA, AES128-SHA]", ".cipherSuites[1]", "duplicate"),
    ],
)
def test_warns_of_what_has_no_effect(tls: str, field: str, code: str) -> None:
    _, said = warned(KIND, server(tls))
    assert said == [(4, f"{PATH}{field}", code)]


def test_leaves_out_cipher_suites_that_do_not_exist() -> None:
    found, _ = warned(KIND, server("mode: SIMPLE, credentialName: a, cipherSuites: [ROT13, AES128-SHA]"))
    assert found.servers[0].tls is not None
    assert found.servers[0].tls.cipher_suites == ("AES128-SHA",)
