"""What `pilothouse explain` says of a request, so that every answer in a test can be compared with it.

A proxy may still have the configuration before the last change, so every version of a folder counts that was there
since the comparison began.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from translators import DEFAULT
from xds.app.explain.target import Asked, target
from xds.app.loading import load_settings
from xds.app.offline import Offline, proxy_of
from xds.app.proxy_spec import ProxySpec
from xds.app.store import Store
from xds.explain import Answered, Explanation, Forwarded, Outcome, explain

_FAILURES = frozenset({503, 504})
"""What a request that is forwarded may meet all the same: an endpoint that fails, a limit, a timeout."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What came back. endpoint: the address of the instance that answered, empty if none did.

    path, authority: as that instance received them, empty if it does not tell.
    """

    status: int
    endpoint: str = ""
    location: str = ""
    path: str = ""
    authority: str = ""


class Explained:
    """The versions of one configuration folder. names: what endpoints that are names resolve to."""

    def __init__(self, config: Path, mesh_config: Path, names: Mapping[str, str] | None = None) -> None:
        self._config = config
        self._mesh_config = mesh_config
        self._names = names or {}
        self._versions: dict[str, Store] = {}
        self._known: dict[tuple[int, str, str, Asked], tuple[Outcome, ...]] = {}
        self.record()

    def record(self) -> Store:
        """Takes in the folder as it is now, and returns that."""
        files = (self._mesh_config, *sorted(self._config.glob("**/[!.]*.yaml")))
        text = "\0".join(path.read_text() for path in files)
        if text not in self._versions:
            offline = Offline(load_settings(self._mesh_config), DEFAULT)
            offline.read([self._config])
            self._versions[text] = offline.store
        return self._versions[text]

    @property
    def stores(self) -> Collection[Store]:
        """The configuration as it was and is."""
        return self._versions.values()

    def check(self, proxy: ProxySpec, asked: Asked, seen: Seen, dialled: ProxySpec | None = None) -> None:
        """Fails unless what was seen is an outcome that is explained.

        dialled: the proxy as it is reached, if that is not by its usual way. A connection that no listener of the proxy
        takes says nothing about it.
        """
        reached = dialled or proxy
        outcomes = [each for store in self._versions.values() for each in self._outcomes(store, proxy, reached, asked)]
        if outcomes:
            possible = [outcome for outcome in outcomes if outcome.share]
            assert any(self._is(outcome, seen, asked) for outcome in possible), (asked, seen, possible)

    def _outcomes(self, store: Store, proxy: ProxySpec, dialled: ProxySpec, asked: Asked) -> tuple[Outcome, ...]:
        """Told once for each version: what goes on at the same time must not be slowed down."""
        key = (id(store), proxy.node_id, dialled.node_id, asked)
        if key not in self._known:
            explanation = _explained(store, proxy, dialled, asked)
            self._known[key] = explanation.outcomes if explanation.listener is not None else ()
        return self._known[key]

    def _is(self, outcome: Outcome, seen: Seen, asked: Asked) -> bool:
        if isinstance(outcome, Forwarded):
            return self._is_forwarded(outcome, seen) if seen.endpoint else seen.status in _own_statuses(asked)
        if isinstance(outcome, Answered):
            return not seen.endpoint and (outcome.status, outcome.location) == (seen.status, seen.location)
        return not seen.endpoint and not seen.status

    def _is_forwarded(self, outcome: Forwarded, seen: Seen) -> bool:
        """A connection that is passed on as it is leaves path and authority alone.

        Where endpoints are ejected, those that have nothing at rest take over.
        """
        ejecting = any(policy.name == "outlier_detection" for policy in outcome.cluster.policies)
        used = (each for each in outcome.cluster.endpoints if each.share or ejecting)
        addresses = (each.address.rpartition(":")[0] or each.address for each in used)  # a socket's path has no port
        request = (seen.path, seen.authority)
        return seen.endpoint in {self._names.get(address, address) for address in addresses} and (
            not outcome.path or not seen.path or request == (outcome.path.partition("?")[0], outcome.authority)
        )


def _own_statuses(asked: Asked) -> Iterable[int]:
    """Failures, and the status that a request asks the servers of these tests for."""
    return {*_FAILURES, *map(int, parse_qs(urlsplit(asked.url).query).get("status", []))}


def _explained(store: Store, proxy: ProxySpec, dialled: ProxySpec, asked: Asked) -> Explanation:
    aim = target(asked, dialled, store.mesh)
    snapshot = store.compile(proxy_of(proxy, store.mesh)).snapshot
    return explain(snapshot, aim.connection, aim.request, through_capture=aim.through_capture)
