"""Filter state: what filters of a chain set for others."""

from __future__ import annotations

from typing import Final

from envoy_data_plane.envoy.extensions.filters.common.set_filter_state.v3 import FilterStateValue
from envoy_data_plane.envoy.extensions.filters.http.set_filter_state.v3 import Config
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpConnectionManager

from xds.explain.decode import unpacked

_PROTOCOLS: Final = "envoy.network.application_protocols"


def states(manager: HttpConnectionManager) -> frozenset[str]:
    """The keys that filters of requests set."""
    configs = (unpacked(each.typed_config, Config) for each in manager.http_filters)
    values = (value for config in configs if config is not None for value in config.on_request_headers)
    return frozenset(map(_key, values))


def application_protocols(manager: HttpConnectionManager) -> str:
    """What filters of requests say that these speak, when a connection is made for them; empty if none does."""
    configs = (unpacked(each.typed_config, Config) for each in manager.http_filters)
    for value in (value for config in configs if config is not None for value in config.on_request_headers):
        text = value.format_string.text_format_source if value.format_string is not None else None
        if _key(value) == _PROTOCOLS and text is not None:
            return text.inline_string or ""
    return ""


def _key(value: FilterStateValue) -> str:
    return value.object_key or ""
