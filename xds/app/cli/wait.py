"""``pilothouse wait``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import Annotated, TypedDict, cast

import typer

from xds.app.cli.monitoring import Monitoring, Rejection, describe_rejection, fetch
from xds.config.scalars import parse_duration

_POLL_SECONDS = 0.05
_MAX_SHOWN = 20


class Finding(TypedDict):
    """Why the object is not in force as it is written."""

    file: str
    line: int
    path: str
    reason: str


class Standing(TypedDict):
    """What ``/debug/convergence`` says about an object, as far as it is read here."""

    object: str
    origin: str | None
    errors: list[Finding]
    waitsFor: list[Finding]
    acked: int
    pending: list[str]
    pendingCount: int
    rejected: list[Rejection]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("wait")(wait)


def wait(
    for_: Annotated[
        str,
        typer.Option(
            "--for", metavar="KIND/NAME.NAMESPACE", help="The object; vs, dr, se, gw, we work too.", show_default=False
        ),
    ],
    timeout: Annotated[str, typer.Option(help="How long to wait, such as 30s or 1m30s.")] = "30s",
    monitoring: Monitoring = "127.0.0.1:15014",
) -> None:
    """Wait until every proxy that an object affects has accepted its newest version.

    Exits 0 when they all have; 1 if one rejects it, if it is not in force as it is written, or after the timeout, and
    says which proxies have not accepted it and why.
    """

    def ask(refresh: str) -> Standing:
        return cast("Standing", fetch(monitoring, "/debug/convergence", object=for_, refresh=refresh))

    try:
        seconds = parse_timeout(timeout)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--timeout") from error
    standing = until_decided(ask, seconds, time.monotonic, time.sleep)
    failure = list(failures(standing, timeout))
    print("\n".join(failure) or success(standing), file=sys.stderr if failure else sys.stdout)
    raise typer.Exit(1 if failure else 0)


def parse_timeout(text: str) -> float:
    """Seconds, at least 0, from a duration. Raises ValueError."""
    seconds = parse_duration(text).total_seconds()
    if seconds < 0:
        raise ValueError("must not be negative")
    return seconds


def until_decided(
    ask: Callable[[str], Standing], seconds: float, clock: Callable[[], float], sleep: Callable[[float], None]
) -> Standing:
    """The first standing that will not change by waiting, or the last one in time.

    ask: is given ``true`` the first time, so that the control plane reads what was written just before.
    """
    deadline = clock() + seconds
    standing = ask("true")
    while (standing["pending"] or standing["waitsFor"]) and not standing["errors"] and clock() < deadline:
        sleep(_POLL_SECONDS)
        standing = ask("false")
    return standing


def success(standing: Standing) -> str:
    """What is said when nothing is outstanding."""
    where = f" ({standing['origin']})" if standing["origin"] else ", which is gone"
    count = standing["acked"]
    if not count:
        return f"{standing['object']}{where}: no connected proxy is affected by its last change"
    return f"{standing['object']}{where}: accepted by {count} {'proxy' if count == 1 else 'proxies'}"


def failures(standing: Standing, timeout: str) -> Iterator[str]:
    """Why not every proxy has the newest version, line by line; nothing if they have."""
    name = standing["object"]
    if standing["errors"]:
        yield f"{name} is not in force as it is written:"
        yield from (f"error  {_describe(error)}" for error in standing["errors"])
    elif standing["waitsFor"]:
        yield f"{name}: after {timeout}, not in force yet as it is written:"
        yield from (f"warning  {_describe(missing)}" for missing in standing["waitsFor"])
    for rejection in standing["rejected"]:
        yield from describe_rejection(rejection)
    if standing["pending"] and not standing["errors"]:
        count = standing["pendingCount"]
        shown = standing["pending"][:_MAX_SHOWN]
        more = f" and {count - len(shown)} more" if count > len(shown) else ""
        yield f"{name}: after {timeout}, not accepted yet by {', '.join(shown)}{more}"


def _describe(finding: Finding) -> str:
    path = f"{finding['path']}: " if finding["path"] else ""
    return f"{finding['file']}:{finding['line']}  {path}{finding['reason']}"
