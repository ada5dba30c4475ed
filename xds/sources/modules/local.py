"""Modules on this machine: files, and images in folders of the OCI layout."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from xds.model.extensions import Module, ModuleReference
from xds.sources.modules import image
from xds.sources.modules.checks import MAX_MODULE_BYTES, ModuleError, checked, too_large

_LAYOUT: Final = "oci-layout"


def read_local(reference: ModuleReference) -> Module | None:
    """The module, if it is on this machine; None if it is to be had from elsewhere only. Raises ModuleError."""
    scheme, _, rest = reference.url.partition("://")
    if scheme == "file":
        return checked(reference, _read(_resolved(rest, reference), MAX_MODULE_BYTES))
    layout = _layout(rest, reference) if scheme == "oci" else None
    return _from_layout(reference, *layout) if layout is not None else None


def stamp(reference: ModuleReference) -> tuple[int, ...] | None:
    """What changes when a module on this machine does; None if it is not on this machine."""
    scheme, _, rest = reference.url.partition("://")
    try:
        if scheme == "file":
            return _stamp(_resolved(rest, reference))
        layout = _layout(rest, reference) if scheme == "oci" else None
        return _stamp(layout[0] / "index.json") if layout is not None else None
    except ModuleError:
        return ()


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _resolved(path: str, reference: ModuleReference) -> Path:
    """A path that is not absolute starts from the folder of its document, and must not lead out of it."""
    if path.startswith("/"):
        return Path(path)
    base = Path(os.path.realpath(reference.base))
    found = Path(os.path.realpath(base / path))
    if not found.is_relative_to(base):
        raise ModuleError(f"{reference.url} leads out of the folder of its document: an absolute path may, file:///...")
    return found


def _layout(rest: str, reference: ModuleReference) -> tuple[Path, str, str] | None:
    """Folder, tag and digest, if there is such a folder; an absolute path cannot be anything else."""
    path, tag, digest = split(rest)
    if path.startswith("/"):
        return Path(path), tag, digest
    found = Path(reference.base) / path
    return (_resolved(path, reference), tag, digest) if (found / _LAYOUT).is_file() else None


def split(name: str) -> tuple[str, str, str]:
    """``path[:tag][@sha256:...]`` to its parts; empty if there is none."""
    rest, _, digest = name.partition("@")
    head, slash, last = rest.rpartition("/")
    last, _, tag = last.partition(":")
    return f"{head}{slash}{last}", tag, digest


def _from_layout(reference: ModuleReference, folder: Path, tag: str, digest: str) -> Module:
    what = reference.url
    if not (folder / _LAYOUT).is_file():
        raise ModuleError(f"{folder} is not a folder of the OCI image layout")
    if not digest:
        index = image.document(_read(folder / "index.json", image.MAX_DOCUMENT_BYTES), what)
        digest = image.chosen(index, tag, what) or ""
    content = _blob(folder, digest, image.MAX_DOCUMENT_BYTES)
    image.verify(content, digest, what)
    manifest = image.document(content, what)
    nested = image.chosen(manifest, "", what)
    if nested is not None:
        manifest = image.document(_blob(folder, nested, image.MAX_DOCUMENT_BYTES), what)
    layer = image.layer(manifest, what)
    code = image.module_in(layer, _blob(folder, layer.digest, MAX_MODULE_BYTES), what)
    return checked(reference, code, digest.removeprefix("sha256:"))


def _blob(folder: Path, digest: str, limit: int) -> bytes:
    return _read(folder / "blobs" / "sha256" / Path(digest.removeprefix("sha256:")).name, limit)


def _read(path: Path, limit: int) -> bytes:
    """Whatever is not a file might keep its reader waiting for ever."""
    try:
        if path.exists() and not path.is_file():
            raise ModuleError(f"{path} is not a file")
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except (OSError, ValueError) as error:
        raise ModuleError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(content) > limit:
        raise too_large(str(path))
    return content
