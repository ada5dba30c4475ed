"""Clusters without endpoints: the host that each request or TLS client names is resolved when it is asked for.

Envoy shares what it has resolved among the clusters and filters whose configuration names the same cache, and refuses
one that gives the same name another meaning: all that is asked for here has the cache of `dns_cache`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from envoy_data_plane.envoy.config.cluster.v3 import (
    Cluster,
    ClusterCustomClusterType,
    ClusterDnsLookupFamily,
    ClusterLbPolicy,
)
from envoy_data_plane.envoy.extensions.clusters.dynamic_forward_proxy.v3 import ClusterConfig
from envoy_data_plane.envoy.extensions.common.dynamic_forward_proxy.v3 import DnsCacheConfig

from xds.wire.encode import pack_any

_CLUSTER_TYPE: Final = "envoy.clusters.dynamic_forward_proxy"
_CACHE: Final = "dynamic_forward_proxy"


def dns_cache(refresh_rate: timedelta) -> DnsCacheConfig:
    """What is kept of names, and how long. refresh_rate: where an answer has no TTL. IPv4, as for other clusters."""
    return DnsCacheConfig(name=_CACHE, dns_lookup_family=ClusterDnsLookupFamily.V4_ONLY, dns_refresh_rate=refresh_rate)


def resolve_requested(cluster: Cluster, refresh_rate: timedelta) -> None:
    """Makes ``cluster``, which must have no discovery type yet, a dynamic forward proxy.

    Envoy wants a word of consent if it is not to compare certificates with the host that was asked for, which a
    DestinationRule can ask for, and it wants it for plain text too.
    """
    config = ClusterConfig(dns_cache_config=dns_cache(refresh_rate), allow_insecure_cluster_options=True)
    cluster.cluster_type = ClusterCustomClusterType(name=_CLUSTER_TYPE, typed_config=pack_any(config))
    cluster.lb_policy = ClusterLbPolicy.CLUSTER_PROVIDED
