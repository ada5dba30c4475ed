"""How somebody beside a workload finds out whether it is healthy (Istio ``ReadinessProbe``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DEFAULT_TIMEOUT: Final = 1
DEFAULT_PERIOD: Final = 10
DEFAULT_SUCCESSES: Final = 1
DEFAULT_FAILURES: Final = 3


@dataclass(frozen=True, slots=True)
class HttpCheck:
    """A GET that is answered with 200 to 399. host: where to connect, empty for the workload's own address."""

    port: int
    path: str = "/"
    host: str = ""
    tls: bool = False
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class TcpCheck:
    """A connection that is accepted. host: empty for loopback."""

    port: int
    host: str = ""


@dataclass(frozen=True, slots=True)
class ExecCheck:
    """A program that ends with 0."""

    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GrpcCheck:
    """A ``grpc.health.v1`` service that says SERVING of a service, which may be empty for all of it."""

    port: int
    service: str = ""


Check = HttpCheck | TcpCheck | ExecCheck | GrpcCheck


@dataclass(frozen=True, slots=True)
class Probe:
    """What is done again and again. Times in seconds.

    successes, failures: how many in a row make a workload that was not healthy healthy, and the other way round.
    """

    check: Check
    delay: int = 0
    timeout: int = DEFAULT_TIMEOUT
    period: int = DEFAULT_PERIOD
    successes: int = DEFAULT_SUCCESSES
    failures: int = DEFAULT_FAILURES
