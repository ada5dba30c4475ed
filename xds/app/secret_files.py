"""Whether others on this machine can read the files that private keys are in."""

from __future__ import annotations

import shlex
import stat
from pathlib import Path
from typing import Final

from xds.model.diagnostic import Diagnostic, Severity
from xds.model.mesh import Mesh

_OTHERS: Final = stat.S_IRGRP | stat.S_IROTH


def readable_secrets(mesh: Mesh) -> tuple[Diagnostic, ...]:
    """A warning for each file with a private key in it that its group, or everybody, may read.

    Files that a link leads to are passed over: a mounted Secret is like that, and its modes are not the user's.
    """
    found: dict[str, Diagnostic] = {}
    for group in mesh.credentials.values():
        for credential in group:
            meta = credential.meta
            if credential.key_pair is not None and meta.origin.file not in found and _is_readable(meta.origin.file):
                reason = f"others can read the private keys in this file: chmod 600 {shlex.quote(meta.origin.file)}"
                found[meta.origin.file] = Diagnostic(
                    Severity.WARNING, meta.origin, reason, meta.key, code="readable-secret"
                )
    return tuple(found[file] for file in sorted(found))


def _is_readable(file: str) -> bool:
    path = Path(file)
    try:
        mode = path.stat().st_mode
    except OSError:
        return False  # gone by now, or not a file at all: the source tells that
    return bool(mode & _OTHERS) and not any(each.is_symlink() for each in (path, *path.parents))
