"""What the network filters before the last one do with a connection: those that may refuse it."""

from __future__ import annotations

from envoy_data_plane.envoy.config.listener.v3 import Filter, FilterChain
from envoy_data_plane.envoy.extensions.filters.network.ext_authz.v3 import ExtAuthz
from envoy_data_plane.envoy.extensions.filters.network.rbac.v3 import Rbac

from xds.explain.access.ext_authz import network_ext_authz
from xds.explain.access.rbac_filters import network_rbac
from xds.explain.decode import unpacked
from xds.explain.result import Answered, Check, Ended
from xds.explain.step import Did, left_after
from xds.explain.stream import Stream


def connected(chain: FilterChain, stream: Stream) -> tuple[tuple[Answered | Ended, ...], tuple[Check, ...]]:
    """How it ends, if it does, and what the filters say. Raises UnsupportedError."""
    checks: list[Check] = []
    ends: list[Answered | Ended] = []
    for each in chain.filters:
        did = _filter(each, stream)
        checks += did.checks
        ends += did.ends
        if not left_after(ends):
            break
        stream = did.stream
    return tuple(ends), tuple(checks)


def _filter(of: Filter, stream: Stream) -> Did:
    rbac, ext_authz = unpacked(of.typed_config, Rbac), unpacked(of.typed_config, ExtAuthz)
    if rbac is not None:
        return network_rbac(of.name, rbac, stream)
    return network_ext_authz(of.name, ext_authz, stream) if ext_authz is not None else Did(stream)
