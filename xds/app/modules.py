"""Wasm modules for the configuration that is in force."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from xds.model.extensions import Module, ModuleFailure, ModuleReference, Modules
from xds.sources.modules.checks import ModuleError
from xds.sources.modules.local import read_local


def modules_on_this_machine(references: Iterable[ModuleReference]) -> Modules:
    """What can be known of these without asking anyone else."""
    found = ((reference, _read(reference)) for reference in references)
    return {reference: module for reference, module in found if module is not None}


def _read(reference: ModuleReference) -> Module | ModuleFailure | None:
    try:
        return read_local(reference)
    except ModuleError as error:
        return ModuleFailure(str(error))


def default_cache() -> Path:
    """Where what is fetched is kept if nobody says: in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pilothouse"
