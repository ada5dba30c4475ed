"""What an agent asks of its Envoy's admin interface."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from xds.agent.http.client import HttpError, Target, ask

_SECONDS: Final = 2.0
_MAX_TEXT: Final = 1 << 20
_NUMBER: Final = re.compile(r"^([^\s:]+): (\d+)$", re.MULTILINE)

_CONFIGURED: Final = {
    "clusters": "cluster_manager.cds.update_success",
    "listeners": "listener_manager.lds.update_success",
}
_ACCEPTING: Final = "listener_manager.workers_started"
_ACCEPTED: Final = re.compile(
    r"listener\.(?!admin\.).*(?<!_thread)(?<!worker_\d)(?<!worker_\d\d)\.downstream_cx_active"
)
_OF_HTTP: Final = re.compile(r"http\.(?!admin\.).*\.downstream_cx_active")
_REQUESTS: Final = re.compile(r"http\.(?!admin\.).*\.downstream_rq_active")


@dataclass(frozen=True, slots=True)
class Admin:
    """The admin interface at an address."""

    target: Target

    async def problem(self) -> str:
        """Why Envoy does not serve yet, empty if it does.

        It does once it is live and has been sent clusters and listeners, be they none, as in Istio. Whether the control
        plane is there any more does not matter.
        """
        try:
            state = (await self._get("/ready")).strip()
            if state != "LIVE":
                return f"Envoy is {state or 'not ready'}"
            stats = await self._numbers("^(cluster_manager[.]cds|listener_manager[.]lds)[.]update_success$|started$")
        except HttpError as error:
            return f"Envoy's admin interface: {error}"
        waiting = [what for what, name in _CONFIGURED.items() if not stats.get(name)]
        if waiting:
            return f"Envoy has not been sent {' and '.join(waiting)} yet"
        return "" if stats.get(_ACCEPTING) else "Envoy does not accept connections yet"

    async def busy(self) -> int:
        """How many requests are under way, and connections that carry none but bytes. Raises HttpError.

        Those on which nobody asks anything do not count: clients keep them for hours. Nor does the admin interface.
        """
        stats = await self._numbers("downstream_(cx|rq)_active$")
        accepted, of_http, requests = (
            sum(count for name, count in stats.items() if which.fullmatch(name))
            for which in (_ACCEPTED, _OF_HTTP, _REQUESTS)
        )
        return requests + max(0, accepted - of_http)

    async def fail_health_checks(self) -> None:
        """From now on those who ask are told to go elsewhere. Raises HttpError."""
        await self._post("/healthcheck/fail")

    async def drain_listeners(self, *, inbound_only: bool) -> None:
        """Asks clients to go, connection by connection; listeners close once Envoy's drain time is over.

        Raises HttpError.
        """
        await self._post("/drain_listeners?graceful" + ("&inboundonly" if inbound_only else ""))

    async def _numbers(self, names: str) -> dict[str, int]:
        text = await self._get(f"/stats?filter={names}")
        return {name: int(value) for name, value in _NUMBER.findall(text)}

    async def _get(self, path: str) -> str:
        async with ask(self.target, path, _SECONDS) as answer:
            return await answer.text(_MAX_TEXT)

    async def _post(self, path: str) -> None:
        async with ask(self.target, path, _SECONDS, "POST") as answer:
            if answer.status != 200:
                raise HttpError(f"{path}: {answer.status} {await answer.text(200)}")
