"""How the newest version of an object stands, while what was refused of the one before is still a finding."""

from __future__ import annotations

import time
from typing import Any

from tests.app.test_convergence import NEW_A, OLD, WHERE, A, World
from xds.app.convergence_report import ConvergenceReport
from xds.app.refusals import CODE
from xds.app.store import Store
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.settings import MeshSettings
from xds.pipeline import Pipeline

REFUSED = Diagnostic(Severity.ERROR, WHERE, "Envoy does not accept it", A, code=CODE)
INVALID = Diagnostic(Severity.ERROR, WHERE, "is not a host name", A, "spec.hosts[0]", "invalid-value")


def errors(world: World, *findings: Diagnostic) -> list[str]:
    store = Store(Pipeline(()), MeshSettings(), time.time)
    report: Any = ConvergenceReport(world.convergence, store, lambda: findings).standing(str(A))
    return [error["reason"] for error in report["errors"]]


def test_a_refusal_counts_once_no_proxy_has_the_newest_version_before_it() -> None:
    world = World()
    world.publish()
    client = world.client(before=OLD)
    world.publish(A)
    assert errors(world, REFUSED) == []

    client.accept(NEW_A)
    assert errors(world, REFUSED) == [REFUSED.reason]


def test_what_is_wrong_with_the_object_itself_counts_at_once() -> None:
    world = World()
    world.publish()
    world.client(before=OLD)
    world.publish(A)

    assert errors(world, INVALID, REFUSED) == [INVALID.reason]
