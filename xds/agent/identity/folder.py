"""The folder in which the agent keeps its identity, so that one that is started again needs no new token.

``identity.json`` is replaced whole: after a crash at any moment there is the one before or the one after.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final

from xds.agent.errors import AgentError
from xds.agent.identity.saved import from_json, to_json
from xds.agent.identity.svid import State
from xds.model.file_format import NewerFormatError

FILE: Final = "identity.json"

_LOCK: Final = "lock"
_PRIVATE_FOLDER: Final = 0o700
_PRIVATE_FILE: Final = 0o600
_OF_OTHERS: Final = 0o077


class StateFolder:
    """One folder, which one agent has at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    def open(self) -> None:
        """Makes it, if need be, and takes it until `close`. Raises AgentError."""
        try:
            self.path.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
            if self.path.stat().st_mode & _OF_OTHERS:
                raise AgentError(
                    f"--state-dir {self.path} is open to others, and has keys in it: chmod 0700 {self.path}"
                )
            self._lock = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _PRIVATE_FILE)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.close()
            raise AgentError(f"--state-dir {self.path} is in use by another agent: give each its own") from error
        except OSError as error:
            self.close()
            raise AgentError(f"--state-dir {self.path} cannot be used: {error}") from error

    def close(self) -> None:
        """Lets another agent have it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def load(self) -> State | None:
        """What was saved; None if nothing was. Raises ValueError with the reason if it is of no use, and AgentError if
        a later version has saved it, which `save` would destroy.
        """
        path = self.path / FILE
        try:
            if path.stat().st_mode & _OF_OTHERS:
                raise ValueError(f"{path} is open to others, so that its key may be known")
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ValueError(f"{path} cannot be read: {error}") from error
        try:
            return from_json(content, str(path))
        except NewerFormatError as error:
            advice = "start that version again, or remove the file: the workload then needs a token"
            raise AgentError(f"{error}; {advice}") from error

    def save(self, state: State) -> None:
        """Keeps it. Raises OSError, and leaves what was there before."""
        path = self.path / FILE
        unfinished = path.with_suffix(".new")
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, _PRIVATE_FILE)
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(descriptor, _PRIVATE_FILE)  # whatever the umask, and what a file of that name had
            stream.write(to_json(state))
            stream.flush()
            os.fsync(descriptor)
        unfinished.rename(path)
        folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
