"""The demo: the Bookinfo example on this machine, with a real Envoy for every instance, live or as a check.

The only entry is `run`. May do I/O: it starts processes, sends requests and draws on a terminal. It uses the control
plane as its users do, by the command line, and configures it by files alone.
"""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from xds.app.demo.checkout import find_checkout, make_importable
from xds.app.demo.envoy_binary import find_envoy
from xds.app.demo.errors import DemoError

__all__ = ["run"]


async def run(check: bool, console: Console | None = None, *, strict: bool = False) -> int:
    """Runs the demo and returns its exit status: 0, or 1 with the reason printed on the console.

    check: performs and verifies every step, then ends. Otherwise the demo runs until SIGINT or SIGTERM. strict: under
    strict mutual TLS. Must run in the main thread.
    """
    console = console or Console()
    try:
        make_importable(find_checkout(Path.cwd()))
        # Not before: they import the examples, which are importable from here on.
        from xds.app.demo.plan import Plan
        from xds.app.demo.session import run_check, run_live

        return await (run_check if check else run_live)(Plan(find_envoy()), console, strict=strict)
    except DemoError as error:
        console.print(f"error: {error}", style="red", highlight=False, markup=False, soft_wrap=True)
        return 1
