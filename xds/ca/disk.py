"""What the keystore does to a file system: few operations, each of which a crash leaves done or not done."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PRIVATE_FOLDER: Final = 0o700
PRIVATE_FILE: Final = 0o600
PUBLIC_FILE: Final = 0o644

_UNFINISHED: Final = ".new"


class Disk:
    """Atomic changes below a folder. What is written is on the disk when a method returns."""

    def make_folder(self, path: Path) -> None:
        """A folder for its owner alone; nothing happens if it is there."""
        path.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)

    def write(self, path: Path, content: bytes, mode: int = PRIVATE_FILE) -> None:
        """The file, whole, or as it was before."""
        unfinished = path.with_name(path.name + _UNFINISHED)
        with self._without_leftovers(unfinished):
            self.put(unfinished, content, mode)
            self.rename(unfinished, path)

    def write_folder(self, path: Path, files: dict[str, bytes]) -> None:
        """A new folder with all its files, for its owner alone, or none. There must not be one of that name."""
        unfinished = path.with_name(path.name + _UNFINISHED)
        self.remove(unfinished)
        with self._without_leftovers(unfinished):
            self.make_folder(unfinished)
            for name, content in files.items():
                self.put(unfinished / name, content, PRIVATE_FILE)
            self.rename(unfinished, path)

    def put(self, path: Path, content: bytes, mode: int) -> None:
        """Writes a file that nobody reads yet; a crash may leave a part of it."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(descriptor, mode)  # whatever the umask, and what a file of that name had
            stream.write(content)
            stream.flush()
            os.fsync(descriptor)

    def rename(self, old: Path, new: Path) -> None:
        """Puts something in its place, at once."""
        old.rename(new)
        descriptor = os.open(new.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    @contextmanager
    def _without_leftovers(self, unfinished: Path) -> Iterator[None]:
        """On a disk that is full, what is half there would be in the way of what comes after it."""
        try:
            yield
        except OSError:
            self.remove(unfinished)
            raise

    def remove(self, path: Path) -> None:
        """A file or a folder with all that is in it; nothing happens if it is not there."""
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
