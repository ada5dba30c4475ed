"""Workloads that are registered by their proxies: the contract of who keeps the register."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from xds.model.proxy import Proxy
from xds.resources import TypeUrl

HEALTH_INFORMATION: Final = TypeUrl("type.googleapis.com/istio.v1.HealthInformation")
"""The type of requests by which an agent tells of its workload's health; nothing is ever sent of it (Istio)."""


class Registrar(Protocol):
    """Is told of the streams of proxies that name a WorkloadGroup. Must return at once."""

    def arrived(self, proxy: Proxy) -> None:
        """A stream has begun."""

    def left(self, proxy: Proxy) -> None:
        """The stream has ended."""

    def told(self, proxy: Proxy, problem: str | None) -> None:
        """The workload is healthy, or not, with the problem, which may be an empty text."""

    def probe(self, proxy: Proxy) -> bytes:
        """How its workload is to be looked at: an encoded ``ReadinessProbe``, empty for not at all."""

    def subscribe(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Calls ``wake``, which has to return at once, whenever a probe may be another; gives what ends that."""
