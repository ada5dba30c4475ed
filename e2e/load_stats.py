"""What Envoys and control planes count."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Mapping

import aiohttp

from e2e.lab import Sidecar
from xds.app.demo.shop import fetch

_RESOURCE_CHANGES = re.compile(
    r"^(cluster_manager\.cluster_(added|modified|removed|updated)"
    r"|listener_manager\.listener_(added|modified|removed|stopped|in_place_updated)"
    r"|http\..*\.rds\..*\.(config_reload|update_empty)"
    r"|cluster\..*\.(membership_change|update_empty)"
    r"|.*\.update_rejected"
    r"|.*\.init_fetch_timeout): (\d+)$",
    re.MULTILINE,
)
_PUSHES = re.compile(r'^pilot_xds_pushes(?:_total)?\{[^}]*type="(\w+)"[^}]*\} ([\d.]+)$', re.MULTILINE)
_SETTLE_SECONDS = 40.0
"""Envoy waits up to 30 s between attempts to reach a control plane that is not there."""

_EVERY_STREAM = {"cds", "lds"}
"""What every Envoy subscribes to, in this order: one that asked for listeners has its clusters."""


async def resource_changes(proxy: Sidecar) -> Mapping[str, int]:
    """How often an Envoy took up, dropped or rejected a resource, by counter.

    Not counted are responses that changed nothing: ``update_success`` and ``update_no_rebuild``.
    """
    return {
        found[1]: int(found[found.lastindex or 0]) for found in _RESOURCE_CHANGES.finditer(await proxy.admin("/stats"))
    }


async def pushes(session: aiohttp.ClientSession, control_plane: str) -> Mapping[str, int]:
    """How many responses a control plane has sent, by type: ``cds``, ``eds``, ..."""
    text = await _text(session, control_plane, "/metrics")
    return {type_name: int(float(count)) for type_name, count in _PUSHES.findall(text)}


async def synced(session: aiohttp.ClientSession, control_plane: str, proxies: int) -> None:
    """Returns when that many proxies are connected to a control plane and have all that it has for them."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    while not _are_synced(text := await _text(session, control_plane, "/debug/syncz"), proxies):
        assert time.monotonic() < deadline, f"not synced within {_SETTLE_SECONDS:g} s: {text}"
        await asyncio.sleep(0.05)


def _are_synced(text: str, proxies: int) -> bool:
    streams = [stream["types"] for stream in json.loads(text)]
    return len(streams) == proxies and all(
        types.keys() >= _EVERY_STREAM and all(status["state"] == "SYNCED" for status in types.values())
        for types in streams
    )


async def _text(session: aiohttp.ClientSession, control_plane: str, path: str) -> str:
    return (await fetch(session, f"http://{control_plane}:15014{path}", {})).body
