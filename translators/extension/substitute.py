"""What works in place of an extension that cannot be run: nothing at all, or a refusal of everything."""

from __future__ import annotations

from functools import lru_cache

import betterproto2
from envoy_data_plane.envoy.config.rbac.v3 import Rbac as Rules
from envoy_data_plane.envoy.config.rbac.v3 import RbacAction
from envoy_data_plane.envoy.extensions.filters.http.fault.v3 import FaultAbort, HttpFault
from envoy_data_plane.envoy.extensions.filters.http.rbac.v3 import Rbac
from envoy_data_plane.envoy.extensions.filters.network.rbac.v3 import Rbac as NetworkRbac

from translators.route.action import fraction
from xds.model.extensions import Extension, FailStrategy, Lua


def http_substitute(extension: Extension) -> betterproto2.Message:
    """The filter: it lets all requests pass for FAIL_OPEN, and for Lua, whose errors let them pass too; otherwise it
    answers them with 503."""
    return _passing() if _lets_pass(extension) else refusing()


def network_substitute(extension: Extension) -> betterproto2.Message:
    """The network filter: it lets all connections pass for FAIL_OPEN, and otherwise closes them."""
    rules = None if _lets_pass(extension) else Rules(action=RbacAction.ALLOW)  # of which there are none
    return NetworkRbac(stat_prefix="extension.", rules=rules)


def _lets_pass(extension: Extension) -> bool:
    action = extension.action
    return isinstance(action, Lua) or action.fail_strategy is FailStrategy.FAIL_OPEN


@lru_cache(maxsize=1)
def _passing() -> Rbac:
    """Envoy: without rules it enforces nothing."""
    return Rbac()


@lru_cache(maxsize=1)
def refusing() -> HttpFault:
    """Answers every request with 503."""
    return HttpFault(abort=FaultAbort(http_status=503, percentage=fraction(100)))
