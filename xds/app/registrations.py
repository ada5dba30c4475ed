"""Workloads that are registered because their proxies are connected: a source of WorkloadEntries.

Istio: a proxy whose node names a WorkloadGroup of its namespace is registered while it has a stream, and for a while
after that, in case it connects again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from xds.app.registered import Health, entry_document, entry_name
from xds.model.objects import ObjectKey
from xds.model.proxy import Proxy
from xds.model.workload_groups import WorkloadGroup

Publish = Callable[[Mapping[str, str | None]], bool]
"""Puts documents in force by their paths, None for those that are gone. False: not yet, ask again."""

_GATHER_SECONDS: Final = 0.05

_log = structlog.get_logger("xds.app")


@dataclass(slots=True)
class _Registration:
    """streams: how many its proxy has. health: as last told. leaving: what ends it, if it has none."""

    proxy: Proxy
    streams: int = 0
    health: Health | None = None
    leaving: asyncio.TimerHandle | None = None


class Registrations:
    """A `Registrar` for the server, in the event loop's thread.

    find: a group in force. publish: see `Publish`; many at once are published together. grace: seconds for which a
    workload stays whose proxy has gone.
    """

    def __init__(self, find: Callable[[ObjectKey], WorkloadGroup | None], publish: Publish, grace: float) -> None:
        self._find = find
        self._publish = publish
        self._grace = grace
        self._known: dict[str, _Registration] = {}
        self._published: dict[str, str] = {}
        self._pending: set[str] = set()
        self._timer: asyncio.TimerHandle | None = None

    def arrived(self, proxy: Proxy) -> None:
        """A stream of a proxy that names a group has begun."""
        path = _path(proxy)
        known = self._known.setdefault(path, _Registration(proxy))
        known.proxy = proxy
        known.streams += 1
        if known.leaving is not None:
            known.leaving.cancel()
            known.leaving = None
        group = self._find(_group(proxy))
        if group is None:
            _log.warning("a proxy is of a group that there is not", proxy=str(proxy), group=str(_group(proxy)))
        elif not _may_join(proxy, group):
            _log.warning(
                "a proxy is of another service account than its group", proxy=str(proxy), group=str(_group(proxy))
            )
        self._revise(path)

    def left(self, proxy: Proxy) -> None:
        """The stream has ended."""
        path = _path(proxy)
        known = self._known[path]
        known.streams -= 1
        if not known.streams:
            known.leaving = asyncio.get_running_loop().call_later(self._grace, self._forget, path)

    def told(self, proxy: Proxy, problem: str | None) -> None:
        """Whoever looks at the workload says that it is healthy, or what the problem is."""
        path = _path(proxy)
        self._known[path].health = Health() if problem is None else Health(problem or "not healthy")
        self._revise(path)

    def changed(self, objects: Iterable[ObjectKey]) -> None:
        """These objects are other than before."""
        groups = {key for key in objects if key.kind == _KIND}
        for path, known in self._known.items() if groups else ():
            if _group(known.proxy) in groups:
                self._revise(path)

    def _forget(self, path: str) -> None:
        del self._known[path]
        self._revise(path)

    def _revise(self, path: str) -> None:
        self._pending.add(path)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_GATHER_SECONDS, self._flush)

    def _flush(self) -> None:
        self._timer = None
        wanted = {path: self._text(path) for path in self._pending}
        changed = {path: text for path, text in wanted.items() if text != self._published.get(path)}
        if changed and not self._publish(changed):
            self._timer = asyncio.get_running_loop().call_later(_GATHER_SECONDS, self._flush)
            return
        if changed:
            gone = sorted(path for path, text in changed.items() if text is None)
            _log.info("workloads registered themselves", entries=sorted(changed.keys() - set(gone)), gone=gone)
        self._pending.clear()
        self._published.update((path, text) for path, text in changed.items() if text is not None)
        for path in (path for path, text in changed.items() if text is None):
            del self._published[path]

    def _text(self, path: str) -> str | None:
        known = self._known.get(path)
        group = self._find(_group(known.proxy)) if known is not None else None
        if known is None or group is None or not _may_join(known.proxy, group):
            return None
        return entry_document(known.proxy, group, known.health)


_KIND: Final = "WorkloadGroup"


def _group(proxy: Proxy) -> ObjectKey:
    return ObjectKey(_KIND, proxy.namespace, proxy.group)


def _may_join(proxy: Proxy, group: WorkloadGroup) -> bool:
    """Whoever has proven an identity does not pass for another one by joining its group."""
    return proxy.identity is None or group.service_account in ("", proxy.identity.service_account)


def _path(proxy: Proxy) -> str:
    """No file has such a name."""
    return f"registered:{proxy.namespace}/{entry_name(proxy)}"
