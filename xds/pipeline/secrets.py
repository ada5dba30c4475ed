"""Which secrets the TLS of a listener or cluster asks for (SDS)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from envoy_data_plane.envoy.config.core.v3 import TransportSocket
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import (
    CommonTlsContext,
    DownstreamTlsContext,
    SdsSecretConfig,
    UpstreamTlsContext,
)

from xds.resources import SECRET, Reference
from xds.resources.names import canonical_names

_TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3"
_CONTEXTS: Mapping[str, type[DownstreamTlsContext] | type[UpstreamTlsContext]] = MappingProxyType(
    {f"{_TLS}.DownstreamTlsContext": DownstreamTlsContext, f"{_TLS}.UpstreamTlsContext": UpstreamTlsContext}
)


def secrets_of(*sockets: TransportSocket | None) -> tuple[Reference, ...]:
    """References to them, each once. Sockets that are not TLS, or have their secrets in them, refer to none."""
    names = (config.name for socket in sockets for context in _contexts(socket) for config in _configs(context))
    return tuple(Reference(SECRET, name) for name in canonical_names(names).unique)


def _contexts(socket: TransportSocket | None) -> Iterator[CommonTlsContext]:
    config = socket.typed_config if socket else None
    kind = _CONTEXTS.get(config.type_url) if config else None
    if config and kind:
        context = kind.parse(config.value).common_tls_context
        if context:
            yield context


def _configs(context: CommonTlsContext) -> Iterator[SdsSecretConfig]:
    yield from context.tls_certificate_sds_secret_configs
    if context.validation_context_sds_secret_config:
        yield context.validation_context_sds_secret_config
    combined = context.combined_validation_context
    if combined and combined.validation_context_sds_secret_config:
        yield combined.validation_context_sds_secret_config
