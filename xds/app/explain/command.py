"""The whole of it: from a name and a URL to the steps."""

from __future__ import annotations

from typing import Final

from xds.app.errors import StartError
from xds.app.explain.inbound import arrival
from xds.app.explain.lines import Lines
from xds.app.explain.proxies import Named, proxy_spec
from xds.app.explain.report import Document, document
from xds.app.explain.target import Asked, arriving, target
from xds.app.offline import proxy_of
from xds.app.store import Store
from xds.explain import Forwarded, UndecidedError, UnsupportedError, explain, explain_arrival


def explained(store: Store, named: Named, asked: Asked, *, inbound: bool = False) -> Document:
    """The steps, as `report.document` has them. Raises StartError for what cannot be told, and why.

    inbound: also what the sidecars of endpoints do, as is told of proxies that have proven who they are in any case.
    """
    spec = proxy_spec(named, store.mesh)
    aim = arriving(asked, spec) if named.asked else target(asked, spec, store.mesh)
    snapshot = store.compile(proxy_of(spec, store.mesh)).snapshot
    try:
        if named.asked:
            return document(explain_arrival(snapshot, aim.connection, aim.request), Lines(store), {})
        found = explain(snapshot, aim.connection, aim.request, through_capture=aim.through_capture)
        sent = [outcome for outcome in found.outcomes if isinstance(outcome, Forwarded)]
        sent = sent if inbound or named.mtls else []
        arrivals = {outcome.cluster.name: arrival(store, spec, aim, outcome) for outcome in sent}
    except UndecidedError as error:
        names = ", ".join(error.names)
        raise StartError(f"several listeners have port {aim.connection.port}: {names}; choose by --address") from error
    except UnsupportedError as error:
        raise StartError(f"this cannot be explained: the way leads to {error}{_hint(str(error))}") from error
    return document(found, Lines(store), arrivals)


_HINTS: Final = (
    ("remote address, which is not known", "--source-ip"),
    ("source address, which is not known", "--source-ip, or that of a gateway itself by --ip"),
    ("the client's identity, which is not known", "--principal"),
    ("nobody says what is in it", "--claims"),
)
"""By what cannot be told, the option that would tell it."""


def _hint(reason: str) -> str:
    return next((f"; say it by {option}" for words, option in _HINTS if words in reason), "")
