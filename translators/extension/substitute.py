"""What works in place of an extension that cannot be run: nothing at all, or a refusal of every request."""

from __future__ import annotations

from functools import lru_cache

import betterproto2
from envoy_data_plane.envoy.extensions.filters.http.fault.v3 import FaultAbort, HttpFault
from envoy_data_plane.envoy.extensions.filters.http.rbac.v3 import Rbac

from translators.route.action import fraction
from xds.model.extensions import Extension, FailStrategy, Lua


def http_substitute(extension: Extension) -> betterproto2.Message:
    """The filter: it lets all requests pass for FAIL_OPEN, and for Lua, whose errors let them pass too; otherwise it
    answers them with 503."""
    action = extension.action
    if isinstance(action, Lua) or action.fail_strategy is FailStrategy.FAIL_OPEN:
        return _passing()
    return _refusing()


@lru_cache(maxsize=1)
def _passing() -> Rbac:
    """Envoy: without rules it enforces nothing."""
    return Rbac()


@lru_cache(maxsize=1)
def _refusing() -> HttpFault:
    return HttpFault(abort=FaultAbort(http_status=503, percentage=fraction(100)))
