"""ConfigMap: an authority that ``caCertCredentialName`` refers to (Kubernetes ``core/v1 ConfigMap``)."""

from __future__ import annotations

from typing import Final

from xds.config.document import RawObject
from xds.config.kinds.kind import Context, Kind
from xds.config.kinds.result import has_errors, result
from xds.config.kinds.secret import credential_of
from xds.config.kinds.secret_data import read_data
from xds.config.reader import Reader
from xds.model.credentials import Credential
from xds.model.diagnostic import Diagnostic

HONOURED = frozenset({"data", "binaryData"})
TOLERATED = frozenset({"immutable"})

_KEYS: Final = frozenset({"cacert", "crl", "ca.crt", "ca.crl"})
_FIELDS: Final = {"data": False, "binaryData": True}


def parse(raw: RawObject, context: Context) -> tuple[Credential | None, tuple[Diagnostic, ...]]:
    """The credential of a document; see :class:`~xds.config.kinds.kind.Kind`. None if it is about something else."""
    root = Reader(raw)
    entries = read_data(root, _FIELDS, _KEYS)
    made = None if has_errors(root) else credential_of(root, entries)
    return result(root, made if made and made.authority else None)


KIND = Kind(name="ConfigMap", group="", versions=("v1",), honoured=HONOURED, parse=parse, tolerated=TOLERATED)
