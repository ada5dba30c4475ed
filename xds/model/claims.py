"""The claims of a verified token as conditions of routes and policies name them (Istio: ``request.auth.claims``)."""

from __future__ import annotations

from typing import Final, TypeAlias

ClaimPath: TypeAlias = tuple[str, ...]
"""The name of a claim, preceded by those of the objects that it is in."""

CLAIMS: Final = "@request.auth.claims"
"""What the name of a header starts with that stands for a claim."""


def is_claim(header: str) -> bool:
    """Whether a header's name in a match stands for a claim. Istio: in whatever case it is written."""
    return header.lower().startswith(CLAIMS)


def claim_path(header: str) -> ClaimPath:
    """``@request.auth.claims.group.id`` or ``@request.auth.claims[group][id]``: ``("group", "id")``.

    Within brackets a name may have dots in it. Raises ValueError for what is neither.
    """
    rest = header[len(CLAIMS) :]
    path: ClaimPath = ()
    if rest.startswith("."):
        path = tuple(rest[1:].split("."))
    elif rest.startswith("[") and rest.endswith("]"):
        path = tuple(rest[1:-1].split("]["))
    if not path or not all(path):
        raise ValueError(f"{header[:60]!r} names no claim: write {CLAIMS}[name], with [name] again for each within")
    return path
