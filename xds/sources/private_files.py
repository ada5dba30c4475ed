"""Files for their owner alone, never half written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

PRIVATE_FOLDER: Final = 0o700


def write_privately(path: Path, content: bytes) -> None:
    """Written beside its place and moved there, so that several processes may share a folder. Raises OSError."""
    handle, name = tempfile.mkstemp(prefix=".", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
