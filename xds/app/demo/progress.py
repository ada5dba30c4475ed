"""How the demo comes up, shown: a spinner for each component on a terminal, a line for each elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table

from xds.app.demo.bring_up import Progress
from xds.app.demo.plan import Component


@contextmanager
def progress_on(console: Console, *, quiet: bool = False) -> Iterator[Progress]:
    """The progress that suits the console: spinners on a terminal, lines elsewhere, nothing if ``quiet``."""
    if quiet:
        yield Silence()
    elif console.is_terminal:
        spinners = Spinners()
        with Live(console=console, refresh_per_second=12, get_renderable=spinners.render, transient=True):
            yield spinners
    else:
        yield Lines(console)


class Silence:
    """Shows nothing."""

    def starting(self, component: Component) -> None:
        """Does nothing."""

    def ready(self, component: Component, seconds: float) -> None:
        """Does nothing."""


class Lines:
    """Prints a line for each component that has become ready."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def starting(self, component: Component) -> None:
        """Says nothing yet."""

    def ready(self, component: Component, seconds: float) -> None:
        self._console.print(f"ready  {component.name}  {seconds:.1f} s", highlight=False)


class Spinners:
    """A line for each component: a spinner, then a mark and the time it took."""

    def __init__(self) -> None:
        self._spinners: dict[str, Spinner] = {}
        self._seconds: dict[str, float] = {}

    def starting(self, component: Component) -> None:
        self._spinners[component.name] = Spinner("dots", style="cyan")

    def ready(self, component: Component, seconds: float) -> None:
        self._seconds[component.name] = seconds

    def render(self) -> RenderableType:
        table = Table.grid(padding=(0, 1))
        for name, spinner in self._spinners.items():
            seconds = self._seconds.get(name)
            if seconds is None:
                table.add_row(spinner, name, "")
            else:
                table.add_row("[green]✔[/]", name, f"[dim]{seconds:.1f} s[/]")
        return table
