"""The probe of a WorkloadGroup as the message that agents read."""

from __future__ import annotations

from xds.model.probes import ExecCheck, GrpcCheck, HttpCheck, Probe, TcpCheck
from xds.wire.readiness_probe_pb2 import (
    ExecHealthCheck,
    GrpcHealthCheck,
    HttpHeader,
    HttpHealthCheck,
    ReadinessProbe,
    TcpHealthCheck,
)


def probe_message(probe: Probe) -> bytes:
    """Istio's ``ReadinessProbe``."""
    message = ReadinessProbe(
        initial_delay_seconds=probe.delay,
        timeout_seconds=probe.timeout,
        period_seconds=probe.period,
        success_threshold=probe.successes,
        failure_threshold=probe.failures,
    )
    match probe.check:
        case HttpCheck(port, path, host, tls, headers):
            listed = [HttpHeader(name=name, value=value) for name, value in headers]
            scheme = "HTTPS" if tls else "HTTP"
            http = HttpHealthCheck(port=port, path=path, host=host, scheme=scheme, http_headers=listed)
            message.http_get.CopyFrom(http)
        case TcpCheck(port, host):
            message.tcp_socket.CopyFrom(TcpHealthCheck(port=port, host=host))
        case ExecCheck(command):
            message.exec.CopyFrom(ExecHealthCheck(command=command))
        case GrpcCheck(port, service):
            message.grpc.CopyFrom(GrpcHealthCheck(port=port, service=service))
    return message.SerializeToString(deterministic=True)
