"""Keeping the case of HTTP/1 header names on their way through a proxy, for peers that mind it."""

from __future__ import annotations

from envoy_data_plane.envoy.config.core.v3 import Http1ProtocolOptionsHeaderKeyFormat, TypedExtensionConfig
from envoy_data_plane.envoy.extensions.http.header_formatters.preserve_case.v3 import PreserveCaseFormatterConfig

from xds.wire.encode import pack_any


def preserved_case() -> Http1ProtocolOptionsHeaderKeyFormat:
    """For ``Http1ProtocolOptions.header_key_format`` on both sides of a proxy: Envoy writes lower case otherwise."""
    return Http1ProtocolOptionsHeaderKeyFormat(
        stateful_formatter=TypedExtensionConfig(
            name="preserve_case", typed_config=pack_any(PreserveCaseFormatterConfig())
        )
    )
