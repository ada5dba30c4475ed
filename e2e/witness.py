"""Compares everything that clients of a `Lab` are answered with what is explained for their sidecars."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from e2e.explained import Explained, Seen
from xds.app.demo.shop import Answer
from xds.app.explain.target import Asked
from xds.app.proxy_spec import ProxySpec

ADDRESS = "x-address"
"""The header by which a server that answers otherwise tells where it is."""


class Witness:
    """Notes what comes back, and compares it when the test is over: nothing that goes on is slowed down.

    Every version of the configuration counts that was there in the meantime. behind: the addresses of workloads whose
    servers say that they are elsewhere, and where.
    """

    def __init__(self, config: Path, mesh_config: Path, behind: Mapping[str, str] | None = None) -> None:
        self._explained = Explained(config, mesh_config, {"localhost": "127.0.0.1", **(behind or {})})
        self._noted: dict[tuple[str, Asked, Seen], ProxySpec] = {}

    def record(self) -> None:
        """The configuration has changed."""
        self._explained.record()

    def note(self, proxy: ProxySpec, asked: Asked, answer: Answer) -> None:
        """An answer that a client of ``proxy`` got; status 0 is none, which says nothing."""
        if answer.status:
            self._noted[proxy.node_id, asked, _seen(answer)] = proxy

    def compare(self) -> int:
        """Fails unless everything that was noted is an outcome that is explained; returns how much that is."""
        for (_, asked, seen), proxy in self._noted.items():
            self._explained.check(proxy, asked, seen)
        return len(self._noted)


def _seen(answer: Answer) -> Seen:
    """A server of ours tells where it is and, in JSON, what it received, whatever its status."""
    location = answer.headers.get("location", "")
    received = json.loads(answer.body) if answer.body.startswith("{") else {}
    path = received.get("path", "").partition("?")[0]
    headers = {name.lower(): value for name, value in received.get("headers", {}).items()}
    address = received.get("address", "") or answer.headers.get(ADDRESS, "")
    return Seen(answer.status, address, location, path, headers.get("host", ""))
