"""Workloads that are registered because their proxies are connected: a source of WorkloadEntries.

Istio: a proxy whose node names a WorkloadGroup of its namespace is registered while it has a stream, and for a while
after that, in case it connects again. One that has proven an identity has to be of the group's service account, and
whoever has proven another can neither end nor change what is registered for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from xds.app.probe_message import probe_message
from xds.app.registered import Health, entry_document, entry_name, health_of
from xds.model.identity import SpiffeId
from xds.model.objects import ObjectKey
from xds.model.proxy import Proxy
from xds.model.workload_groups import WorkloadGroup

Publish = Callable[[Mapping[str, str | None]], bool]
"""Puts documents in force by their paths, None for those that are gone. False: not yet, ask again."""

_GATHER_SECONDS: Final = 0.05
_SAVE_SECONDS: Final = 1.0
_SAVE_AGAIN_SECONDS: Final = 10.0
_RETURN_SECONDS: Final = 30.0
"""How long proxies have to come back after a start. Envoys and agents try again after 5 s at most, agents of version
0.1 after 30 s."""

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
    workload stays whose proxy has gone. remember: is given all entries in force when they have changed, and
    again after a while if it returns False.
    returning: seconds for which workloads of an earlier run are expected back.
    """

    def __init__(
        self,
        find: Callable[[ObjectKey], WorkloadGroup | None],
        publish: Publish,
        grace: float,
        remember: Callable[[Mapping[str, str]], bool],
        returning: float = _RETURN_SECONDS,
    ) -> None:
        self._find = find
        self._publish = publish
        self._grace = grace
        self._remember = remember
        self._returning = returning
        self._saving: asyncio.TimerHandle | None = None
        self._expected: dict[str, str] = {}
        self._known: dict[str, dict[SpiffeId | None, _Registration]] = {}
        self._published: dict[str, str] = {}
        self._pending: set[str] = set()
        self._watchers: dict[object, Callable[[], None]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def restore(self, entries: Mapping[str, str]) -> None:
        """Puts entries of an earlier run in force at once, for as long as their proxies may take to come back."""
        if not entries or not self._publish(entries):
            return
        self._expected = dict(entries)
        self._published.update(entries)
        _log.info("workloads that had registered themselves are expected back", entries=len(entries))
        asyncio.get_running_loop().call_later(max(self._grace, self._returning), self._give_up)

    def _give_up(self) -> None:
        missing, self._expected = self._expected, {}
        for path in missing:
            self._revise(path)

    def arrived(self, proxy: Proxy) -> None:
        """A stream of a proxy that names a group has begun. One that was expected is as healthy as it was, until
        somebody tells."""
        path, group = _path(proxy), self._find(_group(proxy))
        before = None
        if group is None:
            _log.warning("a proxy is of a group that there is not", proxy=str(proxy), group=str(_group(proxy)))
        elif not _may_join(proxy, group):
            _log.warning(
                "a proxy is of another service account than its group", proxy=str(proxy), group=str(_group(proxy))
            )
        else:
            before = self._expected.pop(path, None)
        new = _Registration(proxy, health=health_of(before) if before is not None else None)
        known = self._known.setdefault(path, {}).setdefault(proxy.identity, new)
        known.proxy = proxy
        known.streams += 1
        if known.leaving is not None:
            known.leaving.cancel()
            known.leaving = None
        self._revise(path)

    def left(self, proxy: Proxy) -> None:
        """The stream has ended."""
        path = _path(proxy)
        known = self._known[path][proxy.identity]
        known.streams -= 1
        if not known.streams:
            known.leaving = asyncio.get_running_loop().call_later(self._grace, self._forget, path, proxy.identity)

    def told(self, proxy: Proxy, problem: str | None) -> None:
        """Whoever looks at the workload says that it is healthy, or what the problem is."""
        path = _path(proxy)
        self._known[path][proxy.identity].health = Health() if problem is None else Health(problem or "not healthy")
        self._revise(path)

    def probe(self, proxy: Proxy) -> bytes:
        """See `Registrar`."""
        group = self._find(_group(proxy))
        return probe_message(group.probe) if group is not None and group.probe is not None else b""

    def subscribe(self, wake: Callable[[], None]) -> Callable[[], None]:
        """See `Registrar`."""
        key = object()
        self._watchers[key] = wake
        return lambda: self._watchers.pop(key, None) and None

    def changed(self, objects: Iterable[ObjectKey]) -> None:
        """These objects are other than before."""
        groups = {key for key in objects if key.kind == _KIND}
        for path, known in self._known.items() if groups else ():
            if any(_group(each.proxy) in groups for each in known.values()):
                self._revise(path)
        for wake in tuple(self._watchers.values()) if groups else ():
            wake()

    def _forget(self, path: str, identity: SpiffeId | None) -> None:
        del self._known[path][identity]
        if not self._known[path]:
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
        if changed and self._saving is None:
            self._saving = asyncio.get_running_loop().call_later(_SAVE_SECONDS, self.save)

    def save(self) -> None:
        """Has everything remembered now, if there is anything new."""
        if self._saving is not None:
            self._saving.cancel()
            self._saving = None
            if not self._remember(self._published):
                self._saving = asyncio.get_running_loop().call_later(_SAVE_AGAIN_SECONDS, self.save)

    def _text(self, path: str) -> str | None:
        """Of whoever came first among those that may be in the group."""
        for known in self._known.get(path, {}).values():
            group = self._find(_group(known.proxy))
            if group is not None and _may_join(known.proxy, group):
                return entry_document(known.proxy, group, known.health)
        return self._expected.get(path)


_KIND: Final = "WorkloadGroup"


def _group(proxy: Proxy) -> ObjectKey:
    return ObjectKey(_KIND, proxy.namespace, proxy.group)


def _may_join(proxy: Proxy, group: WorkloadGroup) -> bool:
    """Whoever has proven an identity does not pass for another one by joining its group."""
    return proxy.identity is None or group.service_account in ("", proxy.identity.service_account)


def _path(proxy: Proxy) -> str:
    """No file has such a name."""
    return f"registered:{proxy.namespace}/{entry_name(proxy)}"
