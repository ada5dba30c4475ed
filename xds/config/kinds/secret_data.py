"""What a Secret or ConfigMap has under its keys. No message about it shows any of it."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from xds.config.document import Path
from xds.config.reader import Reader

MAX_BYTES: Final = 1024 * 1024
"""As in Kubernetes, of all keys together."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The value of a key, and where it is written."""

    path: Path
    content: bytes = field(repr=False)


def read_data(root: Reader, fields: Mapping[str, bool], names: frozenset[str]) -> Mapping[str, Entry]:
    """The entries of those keys that are in ``names``; of what is wrong with them nothing but the place is told.

    fields: the fields of the document that have keys, and whether their values are base64; a later field has the last
    word. The schema leaves them open, because what it says of a wrong value shows the value.
    """
    found: dict[str, Entry] = {}
    for name, is_base64 in fields.items():
        data = root.raw_value(name)
        if isinstance(data, dict):
            chosen = {key: value for key, value in data.items() if key in names and value is not None}
            found |= {key: _entry(root, (name, key), value, is_base64=is_base64) for key, value in chosen.items()}
        elif data is not None:
            root.error(name, "must be a mapping", "wrong-type")
    if sum(len(entry.content) for entry in found.values()) > MAX_BYTES:
        root.error((), f"has more than {MAX_BYTES // 1024} KiB of data", "too-large")
        return {}
    return found


def _entry(root: Reader, path: Path, value: object, *, is_base64: bool) -> Entry:
    if not isinstance(value, str):
        root.error(path, "must be a string", "wrong-type")
        return Entry(path, b"")
    return Entry(path, _decoded(root, path, value) if is_base64 else value.encode("utf-8", "replace"))


def _decoded(root: Reader, path: Path, text: str) -> bytes:
    try:
        return b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        root.error(path, "must be base64; plain text belongs under stringData", "invalid-format")
        return b""
