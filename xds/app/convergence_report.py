"""Convergence as documents, for the debug endpoints and the commands that read them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from xds.app.convergence import Convergence
from xds.app.convergence_change import MAX_LISTED, Acks, Change, Rejection
from xds.app.convergence_object import candidates
from xds.app.documents import diagnostic_document
from xds.app.metrics import short_name
from xds.app.refusals import CODE as REFUSED
from xds.app.store import ChangedObject, Store
from xds.console.http import Json, MisnamedObjectError, UnknownObjectError
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.objects import ObjectKey
from xds.model.proxy import Proxy
from xds.resources import TypeUrl

Findings = Callable[[], tuple[Diagnostic, ...]]
"""Everything there is to say about the configuration now."""


class ConvergenceReport:
    """Answers about changes and objects. Objects are named as in `candidates`."""

    def __init__(self, convergence: Convergence, store: Store, findings: Findings) -> None:
        self._convergence = convergence
        self._store = store
        self._findings = findings

    def changes(self, about: str) -> Json:
        """The changes that are remembered, the newest first; about: only those of this object, unless empty."""
        keys = set(_candidates(about)) if about else None
        pending = self._convergence.pending()
        return [
            self._change(change, pending)
            for change in self._convergence.changes
            if keys is None or change.changed & keys
        ]

    def _change(self, change: Change, pending: Mapping[Change, Sequence[str]]) -> Json:
        waiting = pending.get(change, ())
        return {
            "generation": change.generation,
            "seenAt": change.seen_at,
            "inForceAt": change.at,
            "seconds": {"fold": change.fold_seconds, "compile": change.compile_seconds},
            "objects": [_object(changed) for changed in change.objects],
            "objectCount": len(change.changed),
            "acks": _acks(change.acks),
            "types": {short_name(type_url): _acks(acks) for type_url, acks in change.types.items()},
            "proxies": {
                "affected": change.affected,
                "acked": change.acks.count,
                "rejected": change.rejected,
                "pending": len(waiting),
                "notAskedYet": self._convergence.unasked(change),
            },
            "acked": [{"proxy": name, "at": at} for name, at in change.acked.items()],
            "rejected": [_rejection(rejection) for rejection in change.rejections],
            "pending": list(waiting[:MAX_LISTED]),
        }

    def blamed(self, proxy_id: str, type_url: TypeUrl, names: Collection[str]) -> Json:
        """The changed objects for which a proxy rejected these resources, as far as it is remembered."""
        return [_object(changed) for changed in self._convergence.blamed(proxy_id, type_url, names)]

    def refused(self, proxy: Proxy) -> Json:
        """What a stream of ``proxy`` (that very object) is not given because an Envoy refused it before it was sent."""
        return [_rejection(rejection) for rejection in self._convergence.refused(proxy)]

    def standing(self, about: str) -> Json:
        """How the newest version of one object stands. Raises UnknownObjectError if there is none."""
        key = self._find(about)
        standing, meta = self._convergence.standing(key), self._store.mesh.objects.get(key)
        change = standing.change
        return {
            "object": str(key),
            "origin": str(meta.origin) if meta else None,
            "inForce": meta is not None,
            "errors": [diagnostic_document(error) for error in self._errors(key, checked=not standing.pending)],
            "waitsFor": [diagnostic_document(missing) for missing in self._missing(key)],
            "generation": change.generation if change else None,
            "affected": change.affected if change else 0,
            "acked": change.acks.count if change else 0,
            "pending": list(standing.pending[:MAX_LISTED]),
            "pendingCount": len(standing.pending),
            "rejected": [_rejection(rejection) for rejection in standing.rejections[:MAX_LISTED]],
        }

    def _find(self, about: str) -> ObjectKey:
        keys = _candidates(about)
        known = self._store.mesh.objects.keys() | {each.object for each in self._findings() if each.object}
        for key in keys:
            if key in known or any(key in change.changed for change in self._convergence.changes):
                return key
        kind = keys[0].kind
        others = _listed(sorted(str(key) for key in known if key.kind == kind))
        raise UnknownObjectError(f"there is no {keys[0]}; objects of that kind: {others or 'none'}")

    def _errors(self, key: ObjectKey, *, checked: bool) -> Iterable[Diagnostic]:
        """What keeps the newest version from taking effect: errors of the object, or of its file as a whole.

        checked: whether what an Envoy refused before it was sent is known to be of that version, and not of the last.
        """
        origin = self._store.locate(key)
        for diagnostic in self._findings():
            if diagnostic.code == REFUSED and not checked:
                continue
            of_file = diagnostic.object is None and origin is not None and diagnostic.origin.file == origin.file
            if diagnostic.severity is Severity.ERROR and (diagnostic.object == key or of_file):
                yield diagnostic

    def _missing(self, key: ObjectKey) -> Iterable[Diagnostic]:
        """What the newest version needs, and has to wait for."""
        return (each for each in self._findings() if each.object == key) if self._store.waits(key) else ()


def _candidates(about: str) -> tuple[ObjectKey, ...]:
    try:
        return candidates(about)
    except ValueError as error:
        raise MisnamedObjectError(str(error)) from error


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return ", ".join(names[:MAX_LISTED]) + more


def _acks(acks: Acks) -> Json:
    return {"count": acks.count, "first": acks.first, "last": acks.last}


def _object(changed: ChangedObject) -> Json:
    return {"object": str(changed.key), "origin": str(changed.origin or ""), "inForce": changed.in_force}


def _rejection(rejection: Rejection) -> Json:
    return {
        "proxy": rejection.name,
        "type": short_name(rejection.type_url),
        "reason": rejection.reason,
        "at": rejection.at,
        "resources": list(rejection.resources),
        "objects": [_object(changed) for changed in rejection.objects],
        "inPreflight": rejection.in_preflight,
    }
