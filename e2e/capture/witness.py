"""Compares everything that an application of these tests meets with what is explained for its sidecar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from e2e.capture.topology import NAMES, WORKLOADS
from e2e.explained import Explained, Seen
from xds.app.explain.target import Asked
from xds.app.proxy_spec import ProxySpec
from xds.model.proxy import CaptureMode


@dataclass(frozen=True)
class Witness:
    """Of one sidecar."""

    explained: Explained
    spec: ProxySpec

    def http(self, asked: Asked, reply_status: int, location: str, received: Mapping[str, object]) -> None:
        """A response. received: what the server saw, empty if it was no server of these tests."""
        headers = received.get("headers")
        authority = str(headers["host"]) if isinstance(headers, dict) else ""
        seen = Seen(reply_status, _ip(received.get("instance", "")), location, str(received.get("path", "")), authority)
        self.explained.check(self.spec, asked, seen, self._dialled(asked))

    def tcp(self, scheme: str, host: str, port: int, server_name: str, instance: str) -> None:
        """A connection. instance: who answered on it; empty if nobody did."""
        url = f"{scheme}://{server_name or host}:{port}"
        self.explained.check(self.spec, Asked("", url, address=NAMES.get(host, host)), Seen(0, _ip(instance)))

    def _dialled(self, asked: Asked) -> ProxySpec:
        """A program that uses the sidecar as its HTTP proxy dials it on loopback."""
        if asked.address:
            return self.spec
        return replace(self.spec, ip="127.0.0.1", capture=CaptureMode.NONE)


def _ip(instance: object) -> str:
    return WORKLOADS[str(instance)].ip if instance else ""
