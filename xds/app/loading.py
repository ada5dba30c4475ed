"""Reading what commands are given: a folder, a MeshConfig, translators by name."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from xds.app.errors import StartError
from xds.config.kinds.mesh_config import parse_mesh_config
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.settings import MeshSettings
from xds.pipeline import Translator


def load_settings(path: Path | None) -> MeshSettings:
    """The settings in a MeshConfig file, or Istio's defaults for None. Raises StartError if it has an error.

    What there is to say about it besides is printed.
    """
    settings, diagnostics = read_settings(path)
    for diagnostic in diagnostics:
        print(diagnostic, file=sys.stderr)
    return settings


def read_settings(path: Path | None) -> tuple[MeshSettings, tuple[Diagnostic, ...]]:
    """As :func:`load_settings`, with what is to be said."""
    if path is None:
        return MeshSettings(), ()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(f"--mesh-config {path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    settings, diagnostics = parse_mesh_config(text, str(path))
    errors = [diagnostic for diagnostic in diagnostics if diagnostic.severity is Severity.ERROR]
    if errors:
        raise StartError("; ".join(map(str, errors)))
    return settings, diagnostics


def load_translators(reference: str | None) -> Sequence[Translator]:
    """The translators that ``module:attribute`` names: one, or several. None: the built-in ones.

    The module is looked for in the working directory first. Raises StartError if there is none, or it is not that.
    """
    if reference is None:
        from translators import DEFAULT

        return DEFAULT
    module_name, colon, attribute = reference.partition(":")
    if not colon or not module_name or not attribute:
        raise StartError(f"--translators {reference!r} is not MODULE:ATTRIBUTE")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found: object = getattr(import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise StartError(f"--translators {reference}: {error}") from error
    several = tuple(found) if isinstance(found, Sequence) else (found,)
    if not several or not all(callable(translator) for translator in several):
        raise StartError(f"--translators {reference} is neither a translator nor a sequence of them")
    return several
