"""By what the workload proves who it is, in which order. Pure."""

from __future__ import annotations

from enum import Enum


class Means(Enum):
    """What proves it."""

    CERTIFICATE = "certificate"
    TOKEN = "token"  # noqa: S105 - the name of a means, not a secret
    JOIN_TOKEN = "join token"  # noqa: S105 - the name of a means, not a secret


def means(*, certificate: bool, token: Means | None, spent: bool) -> tuple[Means, ...]:
    """What is tried in one attempt, each if the one before is refused.

    certificate: there is one that still holds. token: of which kind there is one, None for none. spent: it was used or
    refused before.
    """
    found = [Means.CERTIFICATE] if certificate else []
    if token is Means.TOKEN or (token is Means.JOIN_TOKEN and not spent):
        found.append(token)
    return tuple(found)


def is_next(shown: Means, status: str) -> bool:
    """Whether what comes next is to be tried after a call failed with this status (gRPC's name).

    A server that does not take a client certificate may end the connection, which cannot be told from an outage.
    """
    refused = status in ("UNAUTHENTICATED", "PERMISSION_DENIED")
    return refused or (shown is Means.CERTIFICATE and status == "UNAVAILABLE")
