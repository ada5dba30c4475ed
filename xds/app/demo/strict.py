"""The demo under strict mutual TLS: the same mesh, in which every proxy has an identity and nobody else is let in."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from examples.bookinfo.topology import DENY, ENTRANCE, MESH_CONFIG, MUTUAL_TLS, STEPS, TOKEN, Step
from xds.app.demo.members import new_members
from xds.app.demo.plan import Plan

STRICT_STEPS = (MUTUAL_TLS, TOKEN, DENY)
"""What makes the mesh strict, in order."""

_NO_LOG, _LOG = 'accessLogFile: ""', "accessLogFile: /dev/stdout"
"""A denial that names its policy is in the access log of whoever denies."""


def strict_plan(plan: Plan, folder: Path) -> Plan:
    """The plan with an authority, and with a configuration in ``folder`` that lets visitors in through the gateway.

    folder: where the processes are run, and their logs are.
    """
    members = new_members()
    config, steps, mesh_config = folder / "mesh", folder / "steps", folder / "mesh-config.yaml"
    shutil.copytree(plan.config, config, dirs_exist_ok=True)
    shutil.copytree(plan.steps, steps, dirs_exist_ok=True)
    for step in STRICT_STEPS:
        (steps / step.name).mkdir()
        for file in step.directory.iterdir():
            (steps / step.name / file.name).write_text(file.read_text().replace("{{jwks}}", members.jwks))
    shutil.copyfile(steps / ENTRANCE.name / "gateway.yaml", config / "gateway.yaml")
    mesh_config.write_text(MESH_CONFIG.read_text().replace(_NO_LOG, _LOG))
    return replace(
        plan,
        config=config,
        steps=steps,
        mesh_config=mesh_config,
        ca_dir=folder / "ca",
        members=members,
        logs=folder,
    )


def apply_all(plan: Plan) -> None:
    """Puts all that makes the mesh strict into its configuration."""
    for step in STRICT_STEPS:
        for file in (plan.steps / step.name).iterdir():
            shutil.copyfile(file, plan.config / file.name)


def steps_of(plan: Plan) -> tuple[Step, ...]:
    """What a check performs: the steps of routing too happen under strict mutual TLS."""
    return (MUTUAL_TLS, *STEPS, TOKEN, DENY) if plan.ca_dir is not None else STEPS
