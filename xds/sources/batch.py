"""What a source reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from xds.model.diagnostic import Diagnostic


@dataclass(frozen=True, slots=True)
class Batch:
    """What changed at one moment.

    changed: by file, its whole text now, or None if it is gone. problems: what cannot be read at present, all of it,
    not only what is new; what was last read of it stays in force.
    """

    changed: Mapping[str, str | None] = field(default_factory=dict)
    problems: tuple[Diagnostic, ...] = ()

    def then(self, later: Batch) -> Batch:
        """Both as one: what a file is in the end."""
        return Batch({**self.changed, **later.changed}, later.problems)
