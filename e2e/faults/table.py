"""What was measured, as the page docs/faults.md."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

_HEADING: Final = """\
# Faults

What goes wrong in a running mesh, under a steady load of 50 requests a second through a sidecar, and what it costs.
`make e2e-faults` measures it anew and writes this page. The tests in `e2e/faults` fail if a request does that was not
under way in a proxy that is killed, if one goes elsewhere than it should, or if plain text is taken where mutual TLS
is asked for.

Faults of the network, of folders, disks and clocks are met by workloads with identities and mutual TLS in network
namespaces, with others beside them who ask in plain text, and for what nobody may have: the tests fail if one of them
is let in, or if a request is answered by another version than it is for.

| fault | requests meanwhile | failed | afterwards |
|---|---|---|---|
"""

_NOTES: Final = """
Of the 303 proxies, 300 give up an attempt to connect after half a second, the TLS handshake included. An Envoy that
Pilothouse sets up gives it 5 s, one that Istio does 1 s.

Instances take turns in these tests (`ROUND_ROBIN`), but for one row. By default the one with the fewest requests is
preferred, and one that is gone has none: now and then a request goes there again each time that it is repeated, and
fails (1 of 295 while an agent was started again). `outlierDetection` in a DestinationRule ends that: with
`consecutive5xxErrors: 1` the instance is left alone after the first attempt, for the `baseEjectionTime` (8 s here).

Ten minutes without a control plane are simulated by what happens in them. Envoys and agents wait longer and longer
between attempts, up to 5 s: the test waits until they do. Certificates may come due: in this test they hold 50 s, not
a day, so that each comes due, and its renewal fails, before the control plane is back. (A test of the agent goes
through the ten minutes on a clock that it moves.) Nothing else depends on time: no resource has a time to live unless
a translator of yours gives it one, and endpoints do not go stale.
"""

TARGET: Final = os.environ.get("PILOTHOUSE_FAULTS_TABLE", "")
"""The page to write; none unless `make e2e-faults` asks for it."""


class Fault(Enum):
    """Every fault, in the order of the page, as it is called there."""

    CONTROL_PLANE_KILLED = "control plane killed (SIGKILL), started again after 3 s"
    CONTROL_PLANE_AWAY = "control plane away for 10 minutes, simulated (see below)"
    AUTHORITY_KILLED = "certificate authority killed (SIGKILL) in each step by which its root is replaced"
    ENVOY_KILLED = "Envoy of an instance killed (SIGKILL)"
    AGENT_KILLED = "agent of an instance killed (SIGKILL), started again at once"
    LEAST_LOADED_KILLED = "the same, when requests go to the instance with the fewest, and `outlierDetection` is on"
    ONE_OF_TWO_DIES = "one of two control planes behind one address killed (SIGKILL)"
    ONE_AUTHORITY_OF_TWO = "one of two control planes with one authority killed (SIGKILL), its root replaced meanwhile"
    ALL_COME_BACK = (
        "control plane of 303 proxies killed (SIGKILL), and all come back at once, most over TLS and in a hurry"
    )
    HALF_WRITTEN = "file of the configuration half-written, and worse"
    FOLDER_REPLACED = "folder of the configuration taken away for 1 s, and another in its place"
    INVALID_FLOOD = "500 invalid objects within a second"
    THOUSAND_CHANGES = "1,000 changes a minute, for half a minute"
    LINK_DOWN = "link of the control plane down for 3 s"
    SILENT_DROPS = "packets to and from the control plane dropped silently for 3 s"
    SILENT_FOR_LONG = "the same, for so long that connections are given up"
    SLOW_AND_LOSSY = "link of the control plane slow and lossy: 100 ms and 10 % lost, each way"
    FOLDER_EMPTIED = "folder of the configuration emptied for 2 s"
    FOLDER_LOCKED = "folder of the configuration unreadable for 2 s, then a file in it for 2 s"
    AUTHORITY_DISK_FULL = "disk of the certificate authority full"
    CACHE_DISK_FULL = "disk of the caches full"
    CLOCK_AHEAD = "clock of the control plane jumps ahead by 3 days, and back"
    CLOCK_BEHIND = "clock of the control plane jumps back by 3 days, and ahead"
    AGENT_CLOCK = "clock of an agent jumps ahead by 3 days, and back"


@dataclass(frozen=True, slots=True)
class Measured:
    """One fault. afterwards: what came of it, in words and figures."""

    fault: Fault
    requests: int
    failed: int
    afterwards: str


def write(rows: Iterable[Measured]) -> None:
    """Brings the page up to date, if that is asked for."""
    if TARGET:
        page = Path(TARGET)
        page.write_text(merged(page.read_text(), rows))


def merged(page: str, rows: Iterable[Measured]) -> str:
    """The page with these rows in place of those of the same faults; others stay, so that a part can be measured."""
    lines = {**_lines(page), **{row.fault: _line(row) for row in rows}}
    return _HEADING + "".join(lines[fault] for fault in Fault if fault in lines) + _NOTES


def _line(row: Measured) -> str:
    return f"| {row.fault.value} | {row.requests} | {row.failed} | {row.afterwards} |\n"


def _lines(page: str) -> Mapping[Fault, str]:
    """Rows of faults that there still are."""
    known = {f"| {fault.value}": fault for fault in Fault}
    named = ((line.partition(" | ")[0], line) for line in page.splitlines(keepends=True))
    return {known[name]: line for name, line in named if name in known}
