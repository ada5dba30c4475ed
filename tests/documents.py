"""Documents of credentials and of what asks for them, as text."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tests.certificates import Authority, Issued


def secret(
    name: str,
    pair: Issued | None = None,
    authority: Authority | str | None = None,
    *,
    namespace: str = "default",
    revoked: str = "",
) -> str:
    """A Secret with a certificate and its key, an authority, or both."""
    trusted = authority.pem if isinstance(authority, Authority) else authority
    keys = {"tls.crt": pair.chain, "tls.key": pair.key_pem} if pair else {}
    rest = {key: text for key, text in (("ca.crt", trusted), ("ca.crl", revoked)) if text}
    return document("v1", "Secret", name, namespace, {"stringData": {**keys, **rest}})


def rule(name: str, host: str, tls: Mapping[str, object], *, namespace: str = "default", app: str = "") -> str:
    """A DestinationRule with these TLS settings; for the workloads of ``app`` if that is given."""
    selector = {"workloadSelector": {"matchLabels": {"app": app}}} if app else {}
    spec = {"host": host, "trafficPolicy": {"tls": tls}, **selector}
    return document("networking.istio.io/v1", "DestinationRule", name, namespace, {"spec": spec})


def entry(name: str, host: str, *, namespace: str = "default") -> str:
    """A ServiceEntry of an outside host, with HTTP on port 80."""
    spec = {"hosts": [host], "resolution": "DNS", "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}]}
    return document("networking.istio.io/v1", "ServiceEntry", name, namespace, {"spec": spec})


def gateway(name: str, tls: Mapping[str, object], *, selector: str, namespace: str = "default") -> str:
    """A Gateway with one HTTPS server on port 8443, for the proxies with ``istio: selector``."""
    server = {"port": {"number": 8443, "name": name, "protocol": "HTTPS"}, "hosts": [f"{name}.example.com"], "tls": tls}
    spec = {"selector": {"istio": selector}, "servers": [server]}
    return document("networking.istio.io/v1", "Gateway", name, namespace, {"spec": spec})


def document(version: str, kind: str, name: str, namespace: str, rest: Mapping[str, object]) -> str:
    """One document, in JSON, which is YAML."""
    whole = {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}, **rest}
    return f"{json.dumps(whole)}\n---\n"
