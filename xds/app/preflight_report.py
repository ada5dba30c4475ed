"""What comes of the checks before sending, told to all who want to know."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from xds.app.convergence import Convergence
from xds.app.preflight import Admitted
from xds.app.refusals import Refusals
from xds.model.proxy import Proxy

_log = structlog.get_logger("xds.app")


class PreflightReport:
    """A `Reporter`. clock: gives epoch seconds. found: is called when other things are refused than before."""

    def __init__(
        self, convergence: Convergence, refusals: Refusals, clock: Callable[[], float], found: Callable[[], None]
    ) -> None:
        self._convergence = convergence
        self._refusals = refusals
        self._clock = clock
        self._found = found

    def checking(self, proxy: Proxy) -> None:
        """See `xds.app.preflight.Reporter`, as for the rest."""
        self._convergence.checking(proxy)

    def admitted(self, proxy: Proxy, admitted: Admitted) -> None:
        refused = self._convergence.admitted(proxy, admitted.newest, admitted.refusals, self._clock())
        if self._refusals.stand(proxy.id, refused):
            self._found()

    def unchecked(self, count: int, reason: str) -> None:
        _log.warning("resources go out without having been shown to Envoy", count=count, reason=reason)
