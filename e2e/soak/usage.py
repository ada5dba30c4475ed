"""What processes hold, sampled while a test runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from xds.app.demo.processes import Child


@dataclass(frozen=True, slots=True)
class Sample:
    """Of one process. resident: memory in MB. files: open ones. threads: the kernel's tasks."""

    resident: float
    files: int
    threads: int


@dataclass
class Usage:
    """Of one process, in the order in which the samples were taken."""

    child: Child
    samples: list[Sample] = field(default_factory=list)

    def sample(self) -> None:
        """Takes one."""
        process = Path(f"/proc/{self.child.pid}")
        lines = (line.split() for line in (process / "status").read_text().splitlines())
        values = {words[0].rstrip(":"): words[1] for words in lines if len(words) > 1}
        files = sum(1 for _ in (process / "fd").iterdir())
        self.samples.append(Sample(int(values["VmRSS"]) / 1024, files, int(values["Threads"])))

    def growth(self) -> Sample:
        """From the second third of the time to the last: what it takes to begin is not counted."""
        third = len(self.samples) // 3
        before, after = self.samples[third : 2 * third], self.samples[2 * third :]
        return Sample(
            median(each.resident for each in after) - median(each.resident for each in before),
            round(median(each.files for each in after) - median(each.files for each in before)),
            round(median(each.threads for each in after) - median(each.threads for each in before)),
        )
