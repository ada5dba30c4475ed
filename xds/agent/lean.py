"""What a small process does without.

structlog colours what it prints by rich, if that can be had, which costs 5 MB for each workload's agent; in JSON there
is nothing to colour. To be called before structlog is imported.
"""

from __future__ import annotations

import sys


def load_less() -> None:
    """From now on rich is as if it were not installed, unless it has been imported already."""
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]  # None is how Python says that there is no such module
