"""Hand-built filters that ask for their configuration by name, and what they are given."""

from __future__ import annotations

from envoy_data_plane.envoy.config.core.v3 import (
    AggregatedConfigSource,
    ApiVersion,
    ConfigSource,
    DataSource,
    ExtensionConfigSource,
    TypedExtensionConfig,
)
from envoy_data_plane.envoy.config.listener.v3 import Listener
from envoy_data_plane.envoy.extensions.filters.http.lua.v3 import Lua
from envoy_data_plane.envoy.extensions.filters.http.rbac.v3 import Rbac
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpFilter

from xds.pipeline.translator import resource_of
from xds.resources import Resource
from xds.resources.types import EXTENSION_CONFIG
from xds.wire.encode import encode, pack_any
from xds.wire.registry import type_url

BROKEN = "function broken("
_REFUSING = 'function envoy_on_request(handle) handle:respond({[":status"] = "503"}, "default") end'


def discovered(name: str) -> HttpFilter:
    """A filter that is given its configuration by ECDS; until then every request is answered with 503."""
    source = ExtensionConfigSource(
        config_source=ConfigSource(ads=AggregatedConfigSource(), resource_api_version=ApiVersion.V3),
        default_config=pack_any(_lua(_REFUSING)),
        type_urls=[type_url(Lua), type_url(Rbac)],
    )
    return HttpFilter(name=name, config_discovery=source)


def marks(name: str, value: str) -> Resource:
    """Lua that adds this value to the header ``x-name`` of responses. Without a proxy that accepts it, nothing does."""
    return script(name, f'function envoy_on_response(handle) handle:headers():add("x-{name}", "{value}") end')


def script(name: str, code: str) -> Resource:
    """Any Lua, with nothing at all in its place where it is not accepted."""
    instead = resource_of(TypedExtensionConfig(name=name, typed_config=pack_any(Rbac())))
    body = encode(TypedExtensionConfig(name=name, typed_config=pack_any(_lua(code))))
    return Resource.of(EXTENSION_CONFIG, name, body, instead=instead)


def revised(listener: Resource, limit: int) -> Resource:
    """The same listener with another limit, so that Envoy makes it anew."""
    message = Listener.parse(listener.body)
    message.per_connection_buffer_limit_bytes = limit
    return resource_of(message)


def _lua(code: str) -> Lua:
    return Lua(default_source_code=DataSource(inline_string=code))
