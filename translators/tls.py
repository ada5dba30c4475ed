"""What TLS in either direction is made of."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address
from typing import Final

from envoy_data_plane.envoy.config.core.v3 import AggregatedConfigSource, ApiVersion, ConfigSource
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import (
    SdsSecretConfig,
    SubjectAltNameMatcher,
    SubjectAltNameMatcherSanType,
)
from envoy_data_plane.envoy.type.matcher.v3 import StringMatcher

TLS_TRANSPORT_SOCKET: Final = "envoy.transport_sockets.tls"
_SOON = timedelta(seconds=1)


def over_ads(name: str) -> SdsSecretConfig:
    """Without waiting: a secret that never comes is no reason to hold up the start of a proxy."""
    source = ConfigSource(ads=AggregatedConfigSource(), resource_api_version=ApiVersion.V3, initial_fetch_timeout=_SOON)
    return SdsSecretConfig(name=name, sds_config=source)


def subject_alt_name(name: str) -> SubjectAltNameMatcher:
    """A name that the certificate of the other end has to have."""
    return SubjectAltNameMatcher(san_type=_san_type(name), matcher=StringMatcher(exact=name))


def _san_type(name: str) -> SubjectAltNameMatcherSanType:
    """Envoy wants to know the kind of name; Istio writes them all alike."""
    if "://" in name:
        return SubjectAltNameMatcherSanType.URI
    try:
        ip_address(name)
    except ValueError:
        return SubjectAltNameMatcherSanType.DNS
    return SubjectAltNameMatcherSanType.IP_ADDRESS
