"""The live view of the demo: what to show, as a value, and how it looks. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from xds.app.demo.findings import Findings
from xds.app.demo.plan import Component, Kind
from xds.app.demo.strangers import REFUSED
from xds.app.demo.traffic import Row

BAR_CELLS = 20
_COLORS = {"v1": "bright_black", "v2": "blue", "v3": "red"}
_LOCK = "\N{LOCK}"
"""The service knows by a certificate who asks."""

_REMARK_CELLS = 60
_PLURALS = {Kind.SERVICE: "services", Kind.PROXY: "proxies"}


@dataclass(frozen=True, slots=True)
class Hints:
    """What the user can do next. edit: a file of the configuration. steps: ready-made changes. logs: a folder."""

    page: str
    edit: Path
    steps: Path
    logs: Path


@dataclass(frozen=True, slots=True)
class State:
    """Everything that is shown. down: components that do not answer."""

    seconds: float
    rows: tuple[Row, ...]
    components: tuple[Component, ...]
    down: frozenset[str]
    findings: Findings
    hints: Hints


def render(state: State) -> RenderableType:
    """The whole view, for a terminal."""
    minutes, seconds = divmod(int(state.seconds), 60)
    title = f"Bookinfo on Pilothouse, up {minutes}:{seconds:02}"
    parts: list[RenderableType] = [_health(state), _traffic(state.rows)]
    if state.findings.problems:
        text = "\n".join(map(escape, state.findings.problems))
        parts.append(Panel(text, title="Not in force", title_align="left", border_style="red"))
    parts.append(_hints(state.hints))
    return Panel(Group(*parts), title=title, title_align="left")


def line(state: State) -> str:
    """The same in one line, for a log."""
    minutes, seconds = divmod(int(state.seconds), 60)
    rate = sum(row.rate for row in state.rows)
    errors = sum(row.rate * row.error_rate for row in state.rows)
    rows = "; ".join(f"{row.user} > {_service(row)} {_shares(row)}" for row in state.rows)
    down = f"; down: {', '.join(sorted(state.down))}" if state.down else ""
    problems = "".join(f"; not in force: {problem}" for problem in state.findings.problems)
    share = errors / rate if rate else 0.0
    return f"{minutes}:{seconds:02}  {rate:.0f} req/s  {share:.0%} errors  {rows}{down}{problems}"


def opening(hints: Hints) -> str:
    """What there is to be seen in a browser."""
    return f"{hints.page}  and sign in as jason: the colour of the stars tells who answered"


def _shares(row: Row) -> str:
    return " ".join(f"{version} {share:.0%}" for version, share in sorted(row.shares)) or "no answer"


def _service(row: Row) -> str:
    return f"{_LOCK} {row.service}" if row.proven else row.service


def _health(state: State) -> RenderableType:
    table = Table.grid(padding=(0, 3))
    table.add_row(*(_kind(kind, state) for kind in Kind), f"{state.findings.in_sync} in sync")
    return table


def _kind(kind: Kind, state: State) -> str:
    names = [component.name for component in state.components if component.kind is kind]
    down = [name for name in names if name in state.down]
    mark = f"[red]● down: {', '.join(down)}[/]" if down else "[green]●[/]"
    count = f" {len(names) - len(down)}/{len(names)}" if kind in _PLURALS else ""
    return f"{mark} {_PLURALS.get(kind, kind.value)}{count}"


def _traffic(rows: Iterable[Row]) -> RenderableType:
    table = Table(expand=True)
    table.add_column("who asks")
    table.add_column("whom")
    table.add_column("who answered", ratio=1)
    for heading in ("req/s", "errors", "median"):
        table.add_column(heading, justify="right")
    user = ""
    for row in rows:
        if row.user != user:
            table.add_section()
        table.add_row("" if row.user == user else row.user, _service(row), _bars(row), *_figures(row))
        user = row.user
    return table


def _bars(row: Row) -> str:
    lines = [_bar(version, share) for version, share in sorted(row.shares)]
    if row.remark:
        lines.append(f"[{'red' if row.error_rate else 'yellow'}]{escape(row.remark[:_REMARK_CELLS])}[/]")
    return "\n".join(lines)


def _bar(version: str, share: float) -> str:
    cells = round(share * BAR_CELLS)
    color = "green" if version.startswith(REFUSED) else _COLORS.get(version, "white")
    return f"{version} [{color}]{'█' * cells:<{BAR_CELLS}}[/] {share:4.0%}"


def _figures(row: Row) -> tuple[str, str, str]:
    color = "red" if row.error_rate else "green"
    return f"{row.rate:.1f}", f"[{color}]{row.error_rate:.0%}[/]", f"{row.median_seconds * 1000:.0f} ms"


def _hints(hints: Hints) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_row("Edit", f"[cyan]{hints.edit}[/]  and see the split follow within a second")
    table.add_row("or", f"cp {hints.steps}/03-canary-90-10/*.yaml {hints.edit.parent}/")
    table.add_row("Open", opening(hints))
    table.add_row("Logs", f"{hints.logs}")
    table.add_row("End", "Ctrl-C")
    return table
