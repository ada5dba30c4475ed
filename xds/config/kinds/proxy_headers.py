"""Istio ``ProxyConfig.ProxyHeaders``: the headers that a proxy adds by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xds.config.reader import Reader
from xds.model.proxy_settings import ClientCertDetails, ForwardClientCertDetails, ProxyHeaders

HONOURED_HEADERS: Final = (
    "attemptCount.disabled envoyDebugHeaders.disabled forwardedClientCert preserveHttp1HeaderCase requestId.disabled"
    " server.disabled server.value setCurrentClientCertDetails.subject setCurrentClientCertDetails.cert"
    " setCurrentClientCertDetails.chain setCurrentClientCertDetails.dns setCurrentClientCertDetails.uri"
    " xForwardedHost.enabled xForwardedPort.enabled"
)
"""The honoured fields of proxy headers, for a kind's list."""

_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "attemptCount": ("attempt_count",),
    "envoyDebugHeaders": ("debug_headers",),
    "forwardedClientCert": ("forwarded_client_cert",),
    "preserveHttp1HeaderCase": ("preserve_case",),
    "requestId": ("request_id",),
    "server": ("server", "server_disabled"),
    "setCurrentClientCertDetails": ("client_cert",),
    "xForwardedHost": ("x_forwarded_host",),
    "xForwardedPort": ("x_forwarded_port",),
}
"""By field of Istio's message, those of `ProxyHeaders`."""


def parse_proxy_headers(config: Reader) -> ProxyHeaders:
    """``proxyHeaders`` of a proxy's configuration; Istio's defaults if absent."""
    headers = config.section("proxyHeaders")
    server = headers.section("server")
    return ProxyHeaders(
        attempt_count=not headers.section("attemptCount").flag("disabled"),
        debug_headers=not headers.section("envoyDebugHeaders").flag("disabled"),
        forwarded_client_cert=ForwardClientCertDetails(headers.text("forwardedClientCert", "UNDEFINED")),
        client_cert=_client_cert(headers),
        preserve_case=headers.flag("preserveHttp1HeaderCase"),
        request_id=not headers.section("requestId").flag("disabled"),
        server=server.text("value"),
        server_disabled=server.flag("disabled"),
        x_forwarded_host=headers.section("xForwardedHost").flag("enabled"),
        x_forwarded_port=headers.section("xForwardedPort").flag("enabled"),
    )


def given_headers(config: Reader) -> frozenset[str]:
    """The fields of `ProxyHeaders` that a proxy's configuration says something about."""
    headers = config.section("proxyHeaders")
    return frozenset(name for field, names in _FIELDS.items() if headers.has(field) for name in names)


def _client_cert(headers: Reader) -> ClientCertDetails | None:
    details = headers.child("setCurrentClientCertDetails")
    if details is None:
        return None
    return ClientCertDetails(
        subject=details.flag("subject", True),
        cert=details.flag("cert"),
        chain=details.flag("chain"),
        dns=details.flag("dns", True),
        uri=details.flag("uri", True),
    )
