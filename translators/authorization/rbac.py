"""Role-based filters, for requests and for connections, around rules that are encoded already."""

from __future__ import annotations

from typing import Final

from envoy_data_plane.envoy.config.listener.v3 import Filter
from envoy_data_plane.envoy.extensions.filters.http.rbac.v3 import Rbac as HttpRbac
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpFilter
from envoy_data_plane.envoy.extensions.filters.network.rbac.v3 import Rbac as NetworkRbac

from xds.pipeline.contribution import Direction
from xds.wire.encode import encode
from xds.wire.splice import any_of, field

HTTP_RBAC: Final = "envoy.filters.http.rbac"
NETWORK_RBAC: Final = "envoy.filters.network.rbac"

STAT_PREFIX: Final = "tcp."
"""Of what network filters count (Istio)."""

SIDES: Final = frozenset({Direction.INBOUND, Direction.GATEWAY})
"""Where what reaches a workload or a gateway is authorized."""

_HTTP_TYPE: Final = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC"
_NETWORK_TYPE: Final = "type.googleapis.com/envoy.extensions.filters.network.rbac.v3.RBAC"


def http_rbac(config: HttpRbac, rules: bytes) -> bytes:
    """An encoded ``HttpFilter``. rules: more fields of ``config``."""
    return encode(HttpFilter(name=HTTP_RBAC)) + field(4, any_of(_HTTP_TYPE, encode(config) + rules))


def network_rbac(config: NetworkRbac, rules: bytes) -> bytes:
    """An encoded ``Filter``. rules: more fields of ``config``."""
    return encode(Filter(name=NETWORK_RBAC)) + field(4, any_of(_NETWORK_TYPE, encode(config) + rules))
