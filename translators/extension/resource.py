"""An extension's configuration as a resource (Envoy ``TypedExtensionConfig``)."""

from __future__ import annotations

import betterproto2
from envoy_data_plane.envoy.config.core.v3 import TypedExtensionConfig

from translators.names import extension_config
from xds.model.extensions import Extension
from xds.pipeline.contribution import Resources
from xds.resources import Resource
from xds.resources.types import EXTENSION_CONFIG
from xds.wire.encode import encode, pack_any


def extension_resource(
    extension: Extension, config: betterproto2.Message | None, substitute: betterproto2.Message
) -> Resources:
    """The resource that the filter of an extension asks for. config: what it runs, None if that cannot be had.
    substitute: what it runs then, and where a proxy does not accept ``config`` and had nothing before."""
    instead = _resource(extension, substitute)
    return Resources((instead if config is None else _resource(extension, config, instead),))


def _resource(extension: Extension, config: betterproto2.Message, instead: Resource | None = None) -> Resource:
    name = extension_config(extension.meta)
    body = encode(TypedExtensionConfig(name=name, typed_config=pack_any(config)))
    return Resource.of(EXTENSION_CONFIG, name, body, origins=(extension.meta.key,), instead=instead)
