"""OCI images that carry a Wasm module: which layer it is in, and how it is taken out. No I/O.

Source: the OCI image specification, and that of Wasm images, which Istio follows: the module is a layer of its own
media type, or a file ``plugin.wasm`` in the last layer of an image as Docker builds it.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
import zlib
from collections.abc import Mapping
from typing import Final, NamedTuple

from xds.sources.modules.checks import MAX_MODULE_BYTES, ModuleError, digest_of, too_large

MANIFESTS: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
"""The media types of what a name may stand for."""

MAX_DOCUMENT_BYTES: Final = 1 << 20
"""Of a manifest or an index."""

_INDEXES: Final = frozenset(MANIFESTS[2:])
_WASM_LAYERS: Final = frozenset({"application/vnd.module.wasm.content.layer.v1+wasm", "application/wasm"})
_TAG: Final = "org.opencontainers.image.ref.name"
_FILE: Final = "plugin.wasm"
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


class Layer(NamedTuple):
    """Where the module is. digest: ``sha256:...``. plain: the layer is the module itself, not an archive with it."""

    digest: str
    plain: bool


def document(content: bytes, what: str) -> Mapping[str, object]:
    """A manifest or an index. Raises ModuleError if it is no JSON object."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ModuleError(f"{what} is not a JSON object")
    return found


def chosen(index: Mapping[str, object], tag: str, what: str) -> str | None:
    """The digest of the manifest that an index has for a tag; None if this is no index but a manifest.

    Without a tag it is the first. A Wasm module is the same on every platform. Raises ModuleError if there is none.
    """
    if "manifests" not in index and index.get("mediaType") not in _INDEXES:
        return None
    for each in _mappings(index.get("manifests")):
        annotations = each.get("annotations")
        names = annotations if isinstance(annotations, dict) else {}
        if not tag or names.get(_TAG) == tag:
            return _digest(each, what)
    raise ModuleError(f"{what} has no image {tag}".rstrip())


def layer(manifest: Mapping[str, object], what: str) -> Layer:
    """The layer with the module. Raises ModuleError if there is none."""
    layers = _mappings(manifest.get("layers"))
    for each in layers:
        if each.get("mediaType") in _WASM_LAYERS:
            return Layer(_digest(each, what), plain=True)
    if not layers:
        raise ModuleError(f"{what} has no layers")
    return Layer(_digest(layers[-1], what), plain=False)


def module_in(found: Layer, blob: bytes, what: str) -> bytes:
    """The module in a layer. Raises ModuleError if the layer is damaged, or has none."""
    verify(blob, found.digest, what)
    return blob if found.plain else _from_archive(blob, what)


def verify(blob: bytes, digest: str, what: str) -> None:
    """Raises ModuleError if this is not what the digest is of."""
    if f"sha256:{digest_of(blob)}" != digest:
        raise ModuleError(f"{what} is damaged: it has not the digest {digest}")


def _from_archive(blob: bytes, what: str) -> bytes:
    """The bound is on what comes out of the archive: a small one can hold a great deal."""
    try:
        with tarfile.open(fileobj=io.BytesIO(_inflated(blob, what))) as archive:
            for member in archive:
                if member.isfile() and member.name.removeprefix("./") == _FILE:
                    file = archive.extractfile(member)
                    return file.read() if file is not None else b""
    except tarfile.TarError as error:
        raise ModuleError(f"the last layer of {what} cannot be read: {error}") from error
    raise ModuleError(f"the last layer of {what} has no file {_FILE}")


def _inflated(blob: bytes, what: str) -> bytes:
    if not blob.startswith(b"\x1f\x8b"):
        return blob
    inflater = zlib.decompressobj(wbits=31)
    try:
        content = inflater.decompress(blob, MAX_MODULE_BYTES + (1 << 20))
    except zlib.error as error:
        raise ModuleError(f"the last layer of {what} cannot be read: {error}") from error
    if inflater.unconsumed_tail:
        raise too_large(f"the last layer of {what}")
    return content


def _mappings(value: object) -> list[Mapping[str, object]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _digest(descriptor: Mapping[str, object], what: str) -> str:
    digest = descriptor.get("digest")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise ModuleError(f"{what} names a part by something other than a sha256")
    return digest
