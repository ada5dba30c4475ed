"""The demo under strict mutual TLS: the same mesh, in which every proxy has an identity and nobody else is let in."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from examples.bookinfo.topology import ENTRANCE, MUTUAL_TLS, STEPS, Step
from xds.app.demo.plan import Plan

STRICT_STEPS = (MUTUAL_TLS,)
"""What makes the mesh strict, in order."""


def strict_plan(plan: Plan, folder: Path) -> Plan:
    """The plan with an authority, and with a configuration in ``folder`` that lets visitors in through the gateway."""
    config, steps = folder / "mesh", folder / "steps"
    shutil.copytree(plan.config, config, dirs_exist_ok=True)
    shutil.copytree(plan.steps, steps, dirs_exist_ok=True)
    for step in STRICT_STEPS:
        shutil.copytree(step.directory, steps / step.name)
    shutil.copyfile(steps / ENTRANCE.name / "gateway.yaml", config / "gateway.yaml")
    return replace(plan, config=config, steps=steps, ca_dir=folder / "ca")


def apply_all(plan: Plan) -> None:
    """Puts all that makes the mesh strict into its configuration."""
    for step in STRICT_STEPS:
        for file in (plan.steps / step.name).iterdir():
            shutil.copyfile(file, plan.config / file.name)


def steps_of(plan: Plan) -> tuple[Step, ...]:
    """What a check performs: the steps of routing too happen under strict mutual TLS."""
    return (*STRICT_STEPS[:1], *STEPS, *STRICT_STEPS[1:]) if plan.ca_dir is not None else STEPS
