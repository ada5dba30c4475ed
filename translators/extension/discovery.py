"""How a filter asks for what it runs by name."""

from __future__ import annotations

import betterproto2
from envoy_data_plane.envoy.config.core.v3 import (
    AggregatedConfigSource,
    ApiVersion,
    ConfigSource,
    ExtensionConfigSource,
)

from xds.wire.encode import pack_any
from xds.wire.registry import type_url


def discovery(substitute: betterproto2.Message, *kinds: type[betterproto2.Message]) -> ExtensionConfigSource:
    """A listener waits for what its filters run, but not for ever: 15 s, as is usual with Envoy. substitute: what they
    run then. kinds: of what they may run."""
    return ExtensionConfigSource(
        config_source=ConfigSource(ads=AggregatedConfigSource(), resource_api_version=ApiVersion.V3),
        default_config=pack_any(substitute),
        type_urls=[type_url(kind) for kind in kinds],
    )
