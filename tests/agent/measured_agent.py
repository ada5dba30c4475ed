"""An agent's identity in a process of its own: ``python -m ... SERVER ROOTS FOLDER TOKEN``. Prints its memory in kB."""

from __future__ import annotations

from xds.agent.lean import load_less

load_less()

import asyncio  # noqa: E402 - what is measured is a process that begins like this
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

from xds.agent.identity import IdentityAgent, IdentityOptions, TokenFile  # noqa: E402
from xds.agent.memory import give_back  # noqa: E402


async def main(server: str, roots: Path, folder: Path, token: Path) -> None:
    agent = IdentityAgent(
        IdentityOptions(server, roots, "default", "reviews", folder, TokenFile(token, single_use=True))
    )
    running = asyncio.create_task(agent.run())
    await agent.ready()
    while agent.identity.state.bundle is None or not agent.identity.state.bundle.jwks:
        await agent.identity.changed(agent.identity.state)
    give_back()  # as an agent does when it is ready
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))  # noqa: ASYNC240
    print(line.split()[1], flush=True)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], *map(Path, sys.argv[2:])))
