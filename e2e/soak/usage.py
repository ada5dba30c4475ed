"""What processes hold, sampled while a test runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

MOST_MEMORY = 6.0
"""MB that an allocator may still be finding its way to. In three minutes, a leak of 20 kB in each change is more."""

MOST_FILES = 40
"""A connection for each of 8 requests at once, to each of three instances and from the client, may be there in one
third and not in the other. A file that each change leaves open makes 300."""

MOST_THREADS = 8
"""Pools of threads get one more whenever all are busy at once, which is a matter of chance, up to so many."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Of one process. resident: memory in MB. files: open ones. threads: the kernel's tasks."""

    resident: float
    files: int
    threads: int

    def excesses(self) -> Iterator[str]:
        """What has grown by more than chance can do, if this is a growth."""
        if self.resident >= MOST_MEMORY:
            yield f"{self.resident:.1f} MB of memory"
        if self.files > MOST_FILES:
            yield f"{self.files} open files"
        if self.threads > MOST_THREADS:
            yield f"{self.threads} threads"


@dataclass
class Usage:
    """Of one process, in the order in which the samples were taken."""

    name: str
    pid: int
    samples: list[Sample] = field(default_factory=list)

    def sample(self) -> None:
        """Takes one."""
        process = Path(f"/proc/{self.pid}")
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
