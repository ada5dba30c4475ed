"""Istio ``ProxyConfig.ConnectionSettings``, with the bounds that Envoy has for them."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum
from typing import Final, TypeVar

from xds.config.kinds.durations import parse_non_negative_duration
from xds.config.reader import Reader
from xds.model.proxy_settings import ConnectionSettings, EscapedSlashesAction, UnderscoresAction

HONOURED_CONNECTIONS: Final = (
    "profile listenerPerConnectionBufferLimitBytes clusterPerConnectionBufferLimitBytes listenerConnectionLimit"
    " globalDownstreamConnectionLimit httpIdleTimeout httpMaxConnectionDuration httpMaxStreamDuration"
    " httpStreamIdleTimeout httpRequestTimeout httpRequestHeadersTimeout httpDrainTimeout httpMaxConcurrentStreams"
    " http2InitialStreamWindowSize http2InitialConnectionWindowSize httpHeadersWithUnderscoresAction httpMergeSlashes"
    " httpPathWithEscapedSlashesAction"
)
"""The honoured fields of connection settings, for a kind's list."""

E = TypeVar("E", bound=Enum)

_SMALLEST_WINDOW: Final = 65535
_LARGEST: Final = 2**31 - 1
_UNSET: Final = frozenset({"", "HEADERS_WITH_UNDERSCORES_UNSPECIFIED", "PATH_WITH_ESCAPED_SLASHES_UNSPECIFIED"})


def parse_connection_settings(config: Reader) -> ConnectionSettings:
    """``connectionSettings`` of a proxy's configuration; all of it is unset if absent."""
    settings = config.section("connectionSettings")
    return ConnectionSettings(
        edge=settings.text("profile") == "EDGE",
        listener_buffer=_number(settings, "listenerPerConnectionBufferLimitBytes", 0),
        cluster_buffer=_number(settings, "clusterPerConnectionBufferLimitBytes", 0),
        listener_connections=_number(settings, "listenerConnectionLimit", 1),
        all_connections=_number(settings, "globalDownstreamConnectionLimit", 1),
        idle_timeout=_duration(settings, "httpIdleTimeout"),
        max_connection_duration=_duration(settings, "httpMaxConnectionDuration"),
        max_stream_duration=_duration(settings, "httpMaxStreamDuration"),
        stream_idle_timeout=_duration(settings, "httpStreamIdleTimeout"),
        request_timeout=_duration(settings, "httpRequestTimeout"),
        request_headers_timeout=_duration(settings, "httpRequestHeadersTimeout"),
        drain_timeout=_duration(settings, "httpDrainTimeout"),
        max_concurrent_streams=_number(settings, "httpMaxConcurrentStreams", 1),
        stream_window=_number(settings, "http2InitialStreamWindowSize", _SMALLEST_WINDOW),
        connection_window=_number(settings, "http2InitialConnectionWindowSize", _SMALLEST_WINDOW),
        underscores=_chosen(settings, "httpHeadersWithUnderscoresAction", UnderscoresAction),
        merge_slashes=settings.flag("httpMergeSlashes", None),
        escaped_slashes=_chosen(settings, "httpPathWithEscapedSlashesAction", EscapedSlashesAction),
    )


def _number(settings: Reader, name: str, smallest: int) -> int | None:
    value = settings.integer(name, None)
    if value is not None and not smallest <= value <= _LARGEST:
        settings.error(name, f"{value} is not from {smallest} to {_LARGEST}", "out-of-range")
    return value


def _duration(settings: Reader, name: str) -> timedelta | None:
    return settings.parsed(name, parse_non_negative_duration, None)


def _chosen(settings: Reader, name: str, actions: type[E]) -> E | None:
    text = settings.text(name)
    return None if text in _UNSET else actions(text)
