"""The table of ``pilothouse proxy-status``: rows out of what ``/debug/syncz`` says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypedDict

from xds.app.cli.monitoring import Object, Rejection, describe, describe_rejection

if TYPE_CHECKING:
    from rich.table import Table

Rows = Sequence[Sequence[str]]
"""A heading, then a row for each proxy, all of one length."""

_ORDER = ("cds", "lds", "eds", "rds")
_HEADING = ("NAME", "CLUSTER", "VERSION", "SUBSCRIBED TYPES")
_CERTIFICATE = ("CERTIFICATE ENDS IN",)
_STYLES = {"ENDED": "bold red", "SYNCED": "green", "STALE": "yellow", "ERROR": "bold red", "NOT SENT": "dim"}
_MAX_CULPRITS = 10


class Moment(TypedDict):
    """Something with a version that happened at some epoch seconds, or has not."""

    version: str
    at: float | None


class Culprit(TypedDict):
    """A resource that may be why a response was rejected. objects: the first of those that it is made from."""

    name: str
    objects: list[Object]
    objectCount: int


class Nack(TypedDict):
    """A rejection, in Envoy's words. objects: those that changed just before it, if that is known."""

    message: str
    at: float
    objects: list[Object]
    resources: list[Culprit]


class Type(TypedDict):
    """One type on one stream."""

    state: str
    sent: Moment
    acked: Moment
    rejected: Nack | None


class Stream(TypedDict):
    """One stream in ``/debug/syncz``, as far as it is read here."""

    proxy: str
    proxyID: str
    cluster: str
    version: str
    connectedAt: float
    certificateEnds: float | None
    types: Mapping[str, Type]
    refused: list[Rejection]


def table(streams: Sequence[Stream], now: float, verbose: bool) -> Rows:
    """A row for each proxy, by name, whatever number of streams it has. now: epoch seconds."""
    proxies: dict[str, list[Stream]] = {}
    for stream in sorted(streams, key=lambda stream: (stream["proxy"], stream["proxyID"])):
        proxies.setdefault(stream["proxyID"], []).append(stream)
    shown = _types_of(streams) if verbose else []
    return [
        (*_HEADING, *_CERTIFICATE[:verbose], *(name.upper() for name in shown)),
        *(
            (*_summary(of), *_certificate(of, now)[:verbose], *(_cell(of, name, now) for name in shown))
            for of in proxies.values()
        ),
    ]


def _certificate(streams: Sequence[Stream], now: float) -> tuple[str]:
    ends = [stream["certificateEnds"] for stream in streams if stream["certificateEnds"] is not None]
    if not ends:
        return ("-",)
    return (age(min(ends) - now) if min(ends) > now else "ENDED",)


def _types_of(streams: Sequence[Stream]) -> list[str]:
    """The usual types, then whatever else is subscribed to."""
    return [*_ORDER, *sorted({name for stream in streams for name in stream["types"]}.difference(_ORDER))]


def _summary(streams: Sequence[Stream]) -> tuple[str, str, str, str]:
    first, types = streams[0], [name.upper() for name in _types_of(streams) if any(name in s["types"] for s in streams)]
    subscribed = f"{len(types)} ({','.join(types)})" if types else "0"
    return first["proxy"], first["cluster"] or "-", first["version"] or "-", subscribed


def _cell(streams: Sequence[Stream], name: str, now: float) -> str:
    status = next((stream["types"][name] for stream in streams if name in stream["types"]), None)
    if status is None:
        return "NOT SENT"
    since = {
        "SYNCED": status["acked"]["at"],
        "STALE": status["sent"]["at"],
        "ERROR": status["rejected"]["at"] if status["rejected"] else None,
    }.get(status["state"])
    return status["state"] if since is None else f"{status['state']} ({age(now - since)})"


def age(seconds: float) -> str:
    """How long ago, in one or two units: ``3m``, ``1h12m``, ``5d``."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d{hours}h" if hours else f"{days}d"
    if hours:
        return f"{hours}h{minutes}m" if minutes else f"{hours}h"
    return f"{minutes}m" if minutes else f"{rest}s"


def troubles(streams: Sequence[Stream]) -> Iterator[str]:
    """Every rejection that stands, by the proxy or before: the proxy, the reason, and the objects behind it."""
    for stream in streams:
        for rejection in stream["refused"]:
            yield from describe_rejection(rejection)
        for name, status in stream["types"].items():
            if (nack := status["rejected"]) is not None:
                yield f"{stream['proxy']} rejected {name.upper()}: {nack['message'].strip()}"
                yield from (f"  from {describe(each)}" for each in nack["objects"])
                if not nack["objects"]:
                    yield from map(_culprit, nack["resources"][:_MAX_CULPRITS])


def _culprit(culprit: Culprit) -> str:
    shown = culprit["objects"][:_MAX_CULPRITS]
    objects = ", ".join(map(describe, shown))
    if culprit["objectCount"] > len(shown):
        objects += f" and {culprit['objectCount'] - len(shown)} more"
    return f"  {culprit['name']}" + (f" from {objects}" if objects else "")


def plain(rows: Rows) -> Iterator[str]:
    """Aligned columns, without colour."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def rich_table(rows: Rows) -> Table:
    """The same for a terminal, with states in colour."""
    from rich.table import Table
    from rich.text import Text

    made = Table(*rows[0], box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for row in rows[1:]:
        made.add_row(*(Text(cell, _STYLES.get(cell.partition(" (")[0], "")) for cell in row))
    return made
