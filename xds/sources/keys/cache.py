"""Fetched keys on disk, so that a control plane that is started anew has them although nobody answers.

A file holds the keys of one reference. Files are for their owner alone, written beside their place and moved there, so
that several control planes may share a folder.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import structlog

from xds.config.jwks import parse_jwks
from xds.model.request_authentication import KeySet, KeysReference
from xds.sources.private_files import PRIVATE_FOLDER, write_privately

MAX_FILES: Final = 1000

_log = structlog.get_logger("xds.sources.keys")


class KeyCache:
    """A folder that is made when it is first needed. Beyond so many files, what was written first goes.

    A cache that cannot be read or written is no cache; it is logged, and nothing else comes of it.
    """

    def __init__(self, folder: Path, max_files: int = MAX_FILES) -> None:
        self._folder = folder
        self._max_files = max_files

    def get(self, reference: KeysReference) -> KeySet | None:
        """What was kept for the reference, if it is still there and sound."""
        try:
            return parse_jwks(self._file(reference).read_text())
        except (OSError, ValueError):
            return None

    def put(self, reference: KeysReference, keys: KeySet) -> bool:
        """Keeps what a reference gave. False: it could not, and may later."""
        try:
            self._folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
            write_privately(self._file(reference), keys.jwks.encode())
            self._prune()
        except OSError as error:
            _log.warning("keys cannot be kept on disk", folder=str(self._folder), reason=str(error))
            return False
        return True

    def _file(self, reference: KeysReference) -> Path:
        identity = f"{reference.issuer}\0{reference.url}".encode()
        return self._folder / f"{hashlib.sha256(identity).hexdigest()}.json"

    def _prune(self) -> None:
        files = sorted(self._folder.glob("*.json"), key=lambda file: file.stat().st_mtime_ns, reverse=True)
        for file in files[self._max_files :]:
            file.unlink(missing_ok=True)
