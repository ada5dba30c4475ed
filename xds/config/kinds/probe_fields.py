"""The probe of a WorkloadGroup (Istio ``ReadinessProbe``)."""

from __future__ import annotations

from typing import Final

from xds.config.reader import Reader
from xds.model.probes import (
    DEFAULT_FAILURES,
    DEFAULT_PERIOD,
    DEFAULT_SUCCESSES,
    DEFAULT_TIMEOUT,
    Check,
    ExecCheck,
    GrpcCheck,
    HttpCheck,
    Probe,
    TcpCheck,
)

PROBE_FIELDS: Final = (
    "initialDelaySeconds timeoutSeconds periodSeconds successThreshold failureThreshold "
    "httpGet.path httpGet.port httpGet.host httpGet.scheme httpGet.httpHeaders.name httpGet.httpHeaders.value "
    "tcpSocket.host tcpSocket.port exec.command grpc.port grpc.service"
)
"""The fields that take effect: all."""

_SCHEMES: Final = ("", "HTTP", "HTTPS")


def parse_probe(probe: Reader) -> Probe | None:
    """None if it does not say what to do. 0 is the default, as in Istio."""
    check = _check(probe)
    if check is None:
        return None
    return Probe(
        check=check,
        delay=probe.integer("initialDelaySeconds"),
        timeout=probe.integer("timeoutSeconds") or DEFAULT_TIMEOUT,
        period=probe.integer("periodSeconds") or DEFAULT_PERIOD,
        successes=probe.integer("successThreshold") or DEFAULT_SUCCESSES,
        failures=probe.integer("failureThreshold") or DEFAULT_FAILURES,
    )


def _check(probe: Reader) -> Check | None:
    if (http := probe.child("httpGet")) is not None:
        return _http(http)
    if (tcp := probe.child("tcpSocket")) is not None:
        return TcpCheck(tcp.integer("port"), tcp.text("host"))
    if (command := probe.child("exec")) is not None:
        return ExecCheck(command.strings("command"))
    if (grpc := probe.child("grpc")) is not None:
        return GrpcCheck(grpc.integer("port"), grpc.text("service"))
    return None


def _http(http: Reader) -> HttpCheck:
    scheme, path = http.text("scheme"), http.text("path")
    if scheme not in _SCHEMES:
        http.error("scheme", f"{scheme[:60]!r} is neither HTTP nor HTTPS")
    if not path.isascii() or not (path.isprintable() and " " not in path):
        http.error("path", "has characters that cannot be in a request")
    headers = tuple((header.text("name"), header.text("value")) for header in http.items("httpHeaders"))
    for header, (_, value) in zip(http.items("httpHeaders"), headers, strict=True):
        if not value.isprintable():
            header.error("value", "has characters that cannot be in a header")
    return HttpCheck(
        port=http.integer("port"),
        path=path if path.startswith("/") else f"/{path}",
        host=http.text("host"),
        tls=scheme == "HTTPS",
        headers=headers,
    )
