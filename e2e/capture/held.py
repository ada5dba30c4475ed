"""Makes a network with a program in it, says so, and waits to be ended: ``python -m e2e.capture.held FOLDER``."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from e2e.capture.namespaces import network
from e2e.capture.redirection import CAPTURE
from examples.bookinfo.topology import REPOSITORY
from xds.app.demo.processes import Command, Processes


async def main(folder: Path) -> None:
    with network({"held": "10.77.0.10"}) as members:
        async with Processes(folder) as processes:
            member = members["held"]
            await asyncio.to_thread(member.run, *CAPTURE)
            member.name_hosts({"somebody": "10.96.0.1"})
            child = await processes.start(Command("sleeper", member.command("sleep", "600"), REPOSITORY))
            print(child.pid, flush=True)
            await child.wait()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells ignore it for what runs in the background
    asyncio.run(main(Path(sys.argv[1])))
