"""gRPC status codes by the names that Istio accepts (https://grpc.github.io/grpc/core/md_doc_statuscodes.html)."""

from __future__ import annotations

from typing import Final

_NAMES: Final = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)
_CODES: Final = {name: code for code, name in enumerate(_NAMES)}


def parse_grpc_status(text: str) -> int:
    """The code of a status given by name (``UNAVAILABLE``) or number (``14``).

    :raises ValueError: there is no such status.
    """
    if text in _CODES:
        return _CODES[text]
    if text.isascii() and text.isdigit() and len(text) < 3 and int(text) < len(_NAMES):
        return int(text)
    raise ValueError(f"{text[:60]!r} is not a gRPC status such as UNAVAILABLE or 14")
