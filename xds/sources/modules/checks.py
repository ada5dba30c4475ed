"""What every module has to be, wherever it comes from."""

from __future__ import annotations

import hashlib
from typing import Final

from xds.model.extensions import Module, ModuleReference

MAX_MODULE_BYTES: Final = 16 << 20
"""A module goes to proxies within one gRPC message. Real ones have some MB at most."""

_MAGIC: Final = b"\0asm"


class ModuleError(Exception):
    """Why a module cannot be had: a clause that can be shown to the user."""


def too_large(what: str) -> ModuleError:
    """The reason for what exceeds the limit."""
    return ModuleError(f"{what} is larger than {MAX_MODULE_BYTES >> 20} MiB: no module may be")


def digest_of(content: bytes) -> str:
    """The SHA-256, in hex."""
    return hashlib.sha256(content).hexdigest()


def checked(reference: ModuleReference, code: bytes, image: str = "") -> Module:
    """The module. image: the SHA-256 of the OCI image that it is from, which the checksum may be of as well.

    Raises ModuleError if it is none, or another one than the checksum says.
    """
    digest = digest_of(code)
    if reference.sha256 and reference.sha256 not in (digest, image):
        found = f"{digest}, and of its image {image}" if image else digest
        raise ModuleError(f"the sha256 of what {reference.url} has is {found}, not {reference.sha256}")
    if not code.startswith(_MAGIC):
        raise ModuleError(f"what {reference.url} has is not a WebAssembly module")
    return Module(digest, code)
