"""Filter state: what filters of a chain set for others."""

from __future__ import annotations

from envoy_data_plane.envoy.extensions.filters.http.set_filter_state.v3 import Config
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpConnectionManager

from xds.explain.decode import unpacked


def states(manager: HttpConnectionManager) -> frozenset[str]:
    """The keys that filters of requests set."""
    configs = (unpacked(each.typed_config, Config) for each in manager.http_filters)
    values = (value for config in configs if config is not None for value in config.on_request_headers)
    return frozenset(value.object_key or value.factory_key for value in values)
