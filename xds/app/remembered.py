"""Registered workloads on disk, so that a control plane that is started anew knows them before their proxies are back.

Without it, whoever is back first is told that nobody else is there.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import structlog

from xds.model.file_format import check_format
from xds.sources.private_files import PRIVATE_FOLDER, write_privately

_MAX_BYTES: Final = 64 << 20
_OLD_SECONDS: Final = 7 * 24 * 3600.0
"""After this, a file is of a control plane that nobody starts any more."""

_log = structlog.get_logger("xds.app")


class RememberedEntries:
    """The documents of one control plane by their paths. A file that cannot be read or written is logged, no more."""

    def __init__(self, folder: Path, config: Path) -> None:
        """folder: that control planes may share. config: whose configuration the workloads belong to."""
        name = hashlib.sha256(str(config.absolute()).encode()).hexdigest()[:16]
        self._path = folder / f"{name}.json"

    def load(self) -> Mapping[str, str]:
        """What was kept last; nothing if there is nothing, or nothing that can be read."""
        self._drop_old()
        try:
            if self._path.stat().st_size > _MAX_BYTES:
                raise ValueError("it is too large")
            return _entries(json.loads(self._path.read_text()))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            _log.warning("registered workloads are not remembered", file=str(self._path), reason=str(error))
            return {}

    def save(self, entries: Mapping[str, str]) -> bool:
        """Keeps them in place of what was kept. False: it could not, and may later."""
        try:
            if entries:
                self._path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
                write_privately(self._path, json.dumps(entries).encode())
            else:
                self._path.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("registered workloads cannot be kept on disk", file=str(self._path), reason=str(error))
            return False
        return True

    def _drop_old(self) -> None:
        for path in self._path.parent.glob("*.json"):
            try:
                if path.stat().st_mtime < time.time() - _OLD_SECONDS:
                    path.unlink()
            except OSError as error:
                _log.warning("an old file cannot be removed", file=str(path), reason=str(error))


def _entries(found: object) -> Mapping[str, str]:
    """Raises ValueError. There is no number of a format in the first one."""
    if isinstance(found, dict):
        check_format(found, "the file")
    if not isinstance(found, dict) or not all(isinstance(text, str) for item in found.items() for text in item):
        raise ValueError("it is not what was written there")
    return found
