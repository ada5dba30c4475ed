"""What the network filters before the last one do with a connection: those that may refuse it."""

from __future__ import annotations

from envoy_data_plane.envoy.config.listener.v3 import FilterChain
from envoy_data_plane.envoy.extensions.filters.network.rbac.v3 import Rbac

from xds.explain.access.rbac_filters import network_rbac
from xds.explain.decode import unpacked
from xds.explain.result import Answered, Check, Ended
from xds.explain.stream import Stream


def connected(chain: FilterChain, stream: Stream) -> tuple[tuple[Answered | Ended, ...], tuple[Check, ...]]:
    """How it ends, if it does, and what the filters say. Raises UnsupportedError."""
    checks: list[Check] = []
    for each in chain.filters:
        config = unpacked(each.typed_config, Rbac)
        if config is None:
            continue
        did = network_rbac(each.name, config, stream)
        checks += did.checks
        if did.ends:
            return did.ends, tuple(checks)
        stream = did.stream
    return (), tuple(checks)
