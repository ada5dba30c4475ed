"""Whether a response is one of those that the explanation of its request allows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from e2e.agreement.stub import Response
from xds.explain import Answered, Explanation, Forwarded, Outcome

_MARK = "x-rule"
_COMPARED = ("x-a", "x-b", "x-c", "x-new")
"""Headers of requests that routes change."""


def disagreement(explanation: Explanation, response: Response) -> str:
    """Why no outcome that is explained is what happened; empty if one is.

    A request that is refused gets no further than to the connection manager. To the response Envoy may add the headers
    of a route all the same, depending on its filters: that is not told.
    """
    if explanation.host is None:
        response = replace(response, headers=tuple(item for item in response.headers if item[0] != _MARK))
    reasons = ["; ".join(_differences(outcome, response)) for outcome in explanation.outcomes if outcome.share]
    return "" if "" in reasons else " | ".join(reasons) or "no outcome is explained"


def _differences(outcome: Outcome, response: Response) -> Iterator[str]:
    if isinstance(outcome, Answered):
        yield from _differ("status", outcome.status, response.status)
        yield from _differ("location", outcome.location, response.header("location"))
        yield from _differ("endpoint", None, response.received)
        yield from _differ("rule", _mark(outcome), response.header(_MARK))
    elif isinstance(outcome, Forwarded):
        yield from _differ("status", 200, response.status)
        yield from _differ("rule", _mark(outcome), response.header(_MARK))
        yield from _forwarded(outcome, response)
    else:
        yield f"the connection should end: {outcome.reason}"


def _mark(outcome: Answered | Forwarded) -> str:
    return next((change.value for change in outcome.response_changes if change.name == _MARK), "")


def _forwarded(outcome: Forwarded, response: Response) -> Iterator[str]:
    received = response.received
    if received is None:
        yield "no endpoint got it"
        return
    shares = {endpoint.address.rpartition(":")[0] for endpoint in outcome.cluster.endpoints if endpoint.share}
    if received.endpoint not in shares:
        yield f"{received.endpoint} got it, not one of {sorted(shares)}"
    yield from _differ("path", outcome.path, received.path)
    yield from _differ("authority", [outcome.authority], received.header("host"))
    for name in _COMPARED:
        expected = [value for key, value in outcome.request_headers if key == name]
        yield from _differ(f"header {name}", expected, received.header(name))


def _differ(what: str, explained: object, seen: object) -> Iterator[str]:
    if explained != seen:
        yield f"{what}: explained {explained!r}, seen {seen!r}"
