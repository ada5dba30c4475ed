"""The Bookinfo example on other addresses than its own, so that a demo may run beside the tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from examples.bookinfo import topology
from xds.app.demo.plan import Plan

_NETWORK = "127.21.0."
_PORT_OFFSET = 10_000


def relocated(folder: Path, envoy: Path) -> Plan:
    """The demo's plan with addresses of its own, its configuration in ``folder/mesh`` and its steps in `steps_dir`."""
    for source, target in ((topology.MESH_DIR, folder / "mesh"), (topology.STEPS_DIR, steps_dir(folder))):
        for file in source.rglob("*.yaml"):
            copy = target / file.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(_relocate(file.read_text()))
    return Plan(
        checkout=topology.REPOSITORY,
        envoy=envoy,
        config=folder / "mesh",
        workloads=tuple(
            replace(workload, ip=_relocate(workload.ip), app_port=workload.app_port + _PORT_OFFSET)
            for workload in topology.WORKLOADS
        ),
        gateway=replace(topology.GATEWAY, ip=_relocate(topology.GATEWAY.ip)),
        xds=f"{_NETWORK}1:15010",
        monitoring=f"{_NETWORK}1:15014",
    )


def steps_dir(folder: Path) -> Path:
    """Where `relocated` has put the steps."""
    return folder / "steps"


def _relocate(text: str) -> str:
    for workload in topology.WORKLOADS:
        text = text.replace(f":{workload.app_port}", f":{workload.app_port + _PORT_OFFSET}")
    return text.replace("127.1.0.", _NETWORK)
