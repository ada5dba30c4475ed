"""Probes and health on the wire: Istio's types, in messages of delta xDS. Pure."""

from __future__ import annotations

from typing import Final

from google.protobuf.message import DecodeError

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
from xds.wire.core_pb2 import Node
from xds.wire.discovery_pb2 import DeltaDiscoveryRequest, DeltaDiscoveryResponse, Status
from xds.wire.readiness_probe_pb2 import ReadinessProbe

PROBE: Final = "type.googleapis.com/istio.networking.v1alpha3.ReadinessProbe"
HEALTH: Final = "type.googleapis.com/istio.v1.HealthInformation"

_NOT_HEALTHY: Final = 500


class WireError(Exception):
    """The control plane said something that is not understood."""


def subscription(node: Node, group: str) -> bytes:
    """Asks how the workload is to be looked at."""
    return DeltaDiscoveryRequest(node=node, type_url=PROBE, resource_names_subscribe=[group]).SerializeToString()


def health(problem: str) -> bytes:
    """Tells of the workload's health. problem: empty if it is healthy."""
    error = Status(code=_NOT_HEALTHY, message=problem) if problem else None
    return DeltaDiscoveryRequest(type_url=HEALTH, error_detail=error).SerializeToString()


def probe_in(response: bytes) -> Probe | None:
    """The probe that is to be used from now on; None for none. Raises WireError."""
    try:
        message = DeltaDiscoveryResponse.FromString(response)
        if not message.resources:
            return None
        wire = ReadinessProbe.FromString(message.resources[0].resource.value)
    except DecodeError as error:
        raise WireError("the control plane's answer has no probe in it") from error
    return Probe(
        check=_check(wire),
        delay=wire.initial_delay_seconds,
        timeout=wire.timeout_seconds or DEFAULT_TIMEOUT,
        period=wire.period_seconds or DEFAULT_PERIOD,
        successes=wire.success_threshold or DEFAULT_SUCCESSES,
        failures=wire.failure_threshold or DEFAULT_FAILURES,
    )


def _check(wire: ReadinessProbe) -> Check:
    match wire.WhichOneof("health_check_method"):
        case "http_get":
            http = wire.http_get
            headers = tuple((header.name, header.value) for header in http.http_headers)
            return HttpCheck(http.port, http.path or "/", http.host, http.scheme == "HTTPS", headers)
        case "tcp_socket":
            return TcpCheck(wire.tcp_socket.port, wire.tcp_socket.host)
        case "exec" if wire.exec.command:
            return ExecCheck(tuple(wire.exec.command))
        case "grpc":
            return GrpcCheck(wire.grpc.port, wire.grpc.service)
        case other:
            raise WireError(f"the control plane sent a probe that is not known: {other}")
