"""What many looks at a workload say together: a pure decision, Kubernetes' and Istio's."""

from __future__ import annotations

from dataclasses import dataclass

from xds.model.probes import Probe


@dataclass(frozen=True, slots=True)
class Verdict:
    """healthy: None as long as it is not known. successes, failures: in a row. problem: of the last failure."""

    healthy: bool | None = None
    successes: int = 0
    failures: int = 0
    problem: str = ""

    def after(self, problem: str, probe: Probe) -> Verdict:
        """With one more look. problem: what it found, empty if nothing."""
        if problem:
            failures = self.failures + 1
            return Verdict(False if failures >= probe.failures else self.healthy, 0, failures, problem)
        successes = self.successes + 1
        return Verdict(True if successes >= probe.successes else self.healthy, successes, 0, self.problem)
