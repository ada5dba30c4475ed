"""Compares what comes back with what is explained: all that may come of a request whose fate a service decides."""

from __future__ import annotations

from dataclasses import dataclass

from e2e.explained import Explained
from xds.app.explain.proxies import Named, proxy_spec
from xds.app.explain.target import Asked, arriving, target
from xds.app.offline import proxy_of
from xds.app.store import Store
from xds.explain import Answered, Explanation, Forwarded, Outcome, explain, explain_arrival

End = str | int
"""`REACHED`, `REFUSED`, `CLOSED`, or the status of somebody else's answer."""

REACHED, REFUSED, CLOSED = "reached", "refused", "closed"


@dataclass(frozen=True)
class Witness:
    """Of one configuration, which does not change."""

    explained: Explained

    def check(self, named: Named, asked: Asked, seen: End) -> None:
        """Fails unless this may come of a request, or of a connection. seen: `REFUSED` if the service has done so,
        whose status and words are its own."""
        (store,) = self.explained.stores
        possible = set(map(_end, _explanation(store, named, asked).outcomes))
        assert seen in possible, (asked, seen, possible)


def _explanation(store: Store, named: Named, asked: Asked) -> Explanation:
    spec = proxy_spec(named, store.mesh)
    snapshot = store.compile(proxy_of(spec, store.mesh)).snapshot
    if named.asked:
        aim = arriving(asked, spec)
        return explain_arrival(snapshot, aim.connection, aim.request)
    aim = target(asked, spec, store.mesh)
    return explain(snapshot, aim.connection, aim.request, through_capture=aim.through_capture)


def _end(outcome: Outcome) -> End:
    if isinstance(outcome, Forwarded):
        return REACHED
    if outcome.condition.endswith(" refuses"):
        return REFUSED
    return outcome.status if isinstance(outcome, Answered) else CLOSED
