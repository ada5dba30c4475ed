"""What clusters need that look up in DNS, request by request, where its host is (Envoy ``dynamic_forward_proxy``).

The filter of `translators.filters.dynamic_forward_proxy` stands in the chain before them and has the very same cache:
Envoy refuses two caches of one name that differ.
"""

from __future__ import annotations

from datetime import timedelta

from envoy_data_plane.envoy.config.cluster.v3 import ClusterCustomClusterType, ClusterDnsLookupFamily
from envoy_data_plane.envoy.config.core.v3 import UpstreamHttpProtocolOptions
from envoy_data_plane.envoy.extensions.clusters.dynamic_forward_proxy.v3 import ClusterConfig
from envoy_data_plane.envoy.extensions.common.dynamic_forward_proxy.v3 import DnsCacheConfig

from xds.wire.encode import pack_any

_CACHE = "dynamic_forward_proxy_cache_config"


def dns_cache(refresh_rate: timedelta) -> DnsCacheConfig:
    """The one cache of a proxy. refresh_rate: of names whose answers have no TTL (MeshConfig ``dnsRefreshRate``)."""
    return DnsCacheConfig(
        name=_CACHE, dns_lookup_family=ClusterDnsLookupFamily.V4_PREFERRED, dns_refresh_rate=refresh_rate
    )


def cluster_type(refresh_rate: timedelta, upstream: UpstreamHttpProtocolOptions | None) -> ClusterCustomClusterType:
    """For ``Cluster.cluster_type``. upstream: of the same cluster: Envoy wants to be told if server name or certificate
    do not follow the request's host."""
    follows = upstream is not None and upstream.auto_sni and upstream.auto_san_validation
    config = ClusterConfig(dns_cache_config=dns_cache(refresh_rate), allow_insecure_cluster_options=not follows)
    return ClusterCustomClusterType(name="envoy.clusters.dynamic_forward_proxy", typed_config=pack_any(config))
