"""An agent runs beside every workload, so that its memory is counted."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.agent.kit import control_plane


async def test_the_identity_leaves_room_below_60_mb(tmp_path: Path) -> None:
    async with control_plane(tmp_path) as plane:
        options, token = plane.options(None), plane.token_file()
        arguments = map(str, (options.server, options.root_cert, options.folder, token.path))
        command = (sys.executable, "-m", "tests.agent.measured_agent", *arguments)
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        async with asyncio.timeout(60):
            output, _ = await process.communicate()
        kilobytes = int(output.split()[-1])
        print(f"{kilobytes} kB")
        assert kilobytes < 50_000
