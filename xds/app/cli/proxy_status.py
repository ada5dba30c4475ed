"""``pilothouse proxy-status``."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, cast

import typer
import yaml

from xds.app.cli.monitoring import Monitoring, fetch
from xds.app.cli.proxy_table import Stream, plain, rich_table, table, troubles
from xds.app.errors import StartError


class Output(StrEnum):
    """``-o``."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("proxy-status")(proxy_status)


def proxy_status(
    name: Annotated[str, typer.Argument(metavar="[NAME.NAMESPACE]", help="One proxy only.", show_default=False)] = "",
    output: Annotated[Output, typer.Option("-o", "--output")] = Output.TABLE,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="The state of every type, and for how long.")
    ] = False,
    monitoring: Monitoring = "127.0.0.1:15014",
) -> None:
    """Show the connected proxies, and whether they have what they should have.

    A rejection is shown with its reason, and with file and line of the objects behind it.
    """
    streams = select(cast("list[Stream]", fetch(monitoring, "/debug/syncz")), name)
    if output is Output.JSON:
        print(json.dumps(streams, indent=2))
    elif output is Output.YAML:
        print(yaml.safe_dump(streams, sort_keys=False, width=120).rstrip("\n"))
    else:
        _print_table(streams, verbose)


def select(streams: Sequence[Stream], name: str) -> list[Stream]:
    """Those of one proxy, by ``name.namespace``, name or node id; all for an empty name. Raises StartError if none."""
    found = [each for each in streams if name in ("", each["proxy"], each["proxyID"], each["proxy"].partition(".")[0])]
    if name and not found:
        connected = ", ".join(sorted({stream["proxy"] for stream in streams})) or "none"
        raise StartError(f"no proxy {name} is connected; connected are: {connected}")
    return found


def _print_table(streams: Sequence[Stream], verbose: bool) -> None:
    rows = table(streams, time.time(), verbose)
    if sys.stdout.isatty():
        from rich.console import Console

        Console().print(rich_table(rows))
    else:
        print("\n".join(plain(rows)))
    for line in troubles(streams):
        print(line)
