"""Fetched modules on disk, so that a control plane that is started anew has them without asking anyone.

``blobs/<sha256>`` is a module, ``names/<hash>`` the checksum of what a reference last gave. Files are for their owner
alone, written beside their place and moved there, so that several control planes may share a folder.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import structlog

from xds.model.extensions import Module, ModuleReference
from xds.sources.modules.checks import ModuleError, checked
from xds.sources.private_files import PRIVATE_FOLDER, write_privately

MAX_CACHE_BYTES: Final = 256 << 20

_log = structlog.get_logger("xds.sources.modules")


class ModuleCache:
    """A folder that is made when it is first needed. max_bytes: beyond that, what was used least recently goes.

    A cache that cannot be read or written is no cache; it is logged, and nothing else comes of it.
    """

    def __init__(self, folder: Path, max_bytes: int = MAX_CACHE_BYTES) -> None:
        self._folder = folder
        self._max_bytes = max_bytes

    def get(self, reference: ModuleReference) -> Module | None:
        """What the reference last gave, if it is still there and sound."""
        try:
            digest = reference.sha256 if self._blob(reference.sha256).is_file() else self._name(reference).read_text()
            blob = self._blob(digest)
            module = checked(reference, blob.read_bytes(), image=reference.sha256)
            if module.sha256 != digest:
                return None
            os.utime(blob)
        except (OSError, ValueError, ModuleError):
            return None
        return module

    def put(self, reference: ModuleReference, module: Module) -> bool:
        """Keeps what a reference gave. False: it could not, and may later."""
        try:
            for folder in (self._folder, self._folder / "blobs", self._folder / "names"):
                folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
            if not self._blob(module.sha256).is_file():
                write_privately(self._blob(module.sha256), module.code)
            write_privately(self._name(reference), module.sha256.encode())
            self._prune(keep=module.sha256)
        except OSError as error:
            _log.warning("a module cannot be kept on disk", folder=str(self._folder), reason=str(error))
            return False
        return True

    def _blob(self, digest: str) -> Path:
        return self._folder / "blobs" / (Path(digest).name or "-")

    def _name(self, reference: ModuleReference) -> Path:
        identity = f"{reference.url}\0{reference.sha256}".encode()
        return self._folder / "names" / hashlib.sha256(identity).hexdigest()

    def _prune(self, keep: str) -> None:
        """Names that lead nowhere go with what they led to."""
        blobs = sorted(_files(self._folder / "blobs"), key=lambda file: file[1].st_mtime_ns, reverse=True)
        size = 0
        for path, status in blobs:
            size += status.st_size
            if size > self._max_bytes and path.name != keep:
                path.unlink(missing_ok=True)
        for path, _ in _files(self._folder / "names"):
            if not self._blob(path.read_text()).is_file():
                path.unlink(missing_ok=True)


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    return ((path, path.stat()) for path in folder.iterdir() if not path.name.startswith("."))
