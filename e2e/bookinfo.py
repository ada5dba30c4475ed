"""The Bookinfo demo on other addresses than its own, so that one may run beside the tests.

``python -m e2e.bookinfo FOLDER [--check] [--strict]`` is ``pilothouse demo`` in this way.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from examples.bookinfo import topology
from xds.app.demo.envoy_binary import find_envoy
from xds.app.demo.errors import DemoError
from xds.app.demo.plan import Plan
from xds.app.demo.session import run_check, run_live

_NETWORK = "127.21.0."
_PORT_OFFSET = 10_000


def relocated(folder: Path) -> Plan:
    """The demo's plan with addresses, configuration and steps of its own, the latter two in ``folder``."""
    config, steps = folder / "mesh", folder / "steps"
    for source, target in ((topology.MESH_DIR, config), (topology.STEPS_DIR, steps)):
        for file in source.rglob("*.yaml"):
            copy = target / file.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(_relocate(file.read_text()))
    return Plan(
        find_envoy(),
        config=config,
        steps=steps,
        workloads=tuple(
            replace(workload, ip=_relocate(workload.ip), app_port=workload.app_port + _PORT_OFFSET)
            for workload in topology.WORKLOADS
        ),
        gateway=replace(topology.GATEWAY, ip=_relocate(topology.GATEWAY.ip)),
        xds=f"{_NETWORK}1:15010",
        monitoring=f"{_NETWORK}1:15014",
        secure=f"{_NETWORK}1:15012",
    )


def _relocate(text: str) -> str:
    for workload in topology.WORKLOADS:
        text = text.replace(f":{workload.app_port}", f":{workload.app_port + _PORT_OFFSET}")
    return text.replace("127.1.0.", _NETWORK)


def main() -> int:
    """Runs the demo; returns its exit status."""
    plan, console = relocated(Path(sys.argv[1])), Console()
    try:
        run = run_check if "--check" in sys.argv else run_live
        return asyncio.run(run(plan, console, strict="--strict" in sys.argv))
    except DemoError as error:
        console.print(f"error: {error}", markup=False, soft_wrap=True)
        return 1


if __name__ == "__main__":
    sys.exit(main())
