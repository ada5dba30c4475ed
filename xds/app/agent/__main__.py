"""The second life of an agent: ``python -m xds.app.agent OPTIONS``."""

from __future__ import annotations

import asyncio
import sys

from xds.agent.lean import load_less


def main() -> None:
    """Runs the agent and exits."""
    load_less()
    from xds.agent.errors import AgentError
    from xds.app import log
    from xds.app.agent.options import load
    from xds.app.agent.run import Agent

    options = load(sys.argv[1])
    log.configure(options.log_level)
    try:
        sys.exit(asyncio.run(Agent(options).run()))
    except AgentError as error:
        print(f"pilothouse: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
