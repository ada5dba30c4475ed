"""Clears up after a test run that was killed: ``python -m e2e.leftovers.warden PID MARK FOLDER``.

It waits for the end of the run's process, which ends it first if it can clear up itself.
"""

from __future__ import annotations

import os
import select
import sys
from pathlib import Path

from e2e.leftovers.places import clear
from e2e.leftovers.processes import end_all


def main(pid: int, mark: str, folder: Path) -> None:
    """Returns when the run is over, and everything of it is gone."""
    if os.getppid() == pid:
        run = os.pidfd_open(pid)
        print("watching", flush=True)
        select.select([run], [], [])
    end_all(mark)
    clear(folder, pid)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
