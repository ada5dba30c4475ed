"""What a DestinationRule makes of a cluster."""

from __future__ import annotations

from datetime import timedelta

import pytest
from envoy_data_plane.envoy.config.cluster.v3 import (
    CircuitBreakersThresholds,
    CircuitBreakersThresholdsRetryBudget,
    Cluster,
    ClusterCommonLbConfigZoneAwareLbConfig,
    ClusterLbPolicy,
)
from envoy_data_plane.envoy.config.cluster.v3 import (
    OutlierDetection as EnvoyOutlierDetection,
)
from envoy_data_plane.envoy.config.core.v3 import KeepaliveSettings
from envoy_data_plane.envoy.extensions.transport_sockets.proxy_protocol.v3 import ProxyProtocolUpstreamTransport
from envoy_data_plane.envoy.extensions.upstreams.http.v3 import HttpProtocolOptions
from envoy_data_plane.envoy.type.matcher.v3 import RegexMatcher, StringMatcher
from envoy_data_plane.envoy.type.v3 import Percent

from tests.translators import kit
from translators import clusters
from translators.cluster.http import HTTP_PROTOCOL_OPTIONS
from xds.model.locality import LocalityDistribution, LocalityFailover, LocalityLbSetting
from xds.model.policy import (
    ClientTLSSettings,
    ConnectionPoolSettings,
    ConsistentHashLB,
    H2UpgradePolicy,
    HashAlgorithm,
    Http2KeepAlive,
    HTTPSettings,
    LoadBalancerSettings,
    OutlierDetection,
    ProxyProtocol,
    RetryBudget,
    SimpleLB,
    Subset,
    TcpKeepalive,
    TCPSettings,
    TLSMode,
    TrafficPolicy,
    Warmup,
)
from xds.model.proxy import Proxy
from xds.model.services import Protocol, ServicePort

SECONDS = timedelta(seconds=1)


def translated(
    policy: TrafficPolicy | None, *subsets: Subset, port: ServicePort | None = None, proxy: Proxy = kit.SIDECAR
) -> Cluster:
    """The cluster of the first subset, or else of the service."""
    service = kit.service("reviews", port or kit.http())
    mesh = kit.mesh([service], rules=[kit.rule(service, policy, *subsets)])
    found = kit.decoded_clusters(kit.resources(clusters.translate, kit.view(mesh, proxy)))
    number, subset = service.ports[0].number, subsets[0].name if subsets else ""
    return found[f"outbound|{number}|{subset}|{service.hostname}"]


def balancer(
    simple: SimpleLB = SimpleLB.UNSPECIFIED,
    consistent_hash: ConsistentHashLB | None = None,
    warmup: Warmup | None = None,
) -> TrafficPolicy:
    return TrafficPolicy(load_balancer=LoadBalancerSettings(simple, consistent_hash, warmup))


def pool(tcp: TCPSettings | None = None, http: HTTPSettings | None = None) -> TrafficPolicy:
    return TrafficPolicy(connection_pool=ConnectionPoolSettings(tcp, http))


def thresholds(cluster: Cluster) -> CircuitBreakersThresholds:
    assert cluster.circuit_breakers is not None
    (found,) = cluster.circuit_breakers.thresholds
    return found


def http_options(cluster: Cluster) -> HttpProtocolOptions | None:
    packed = cluster.typed_extension_protocol_options.get(HTTP_PROTOCOL_OPTIONS)
    return HttpProtocolOptions.parse(packed.value) if packed is not None else None


def outlier(settings: OutlierDetection) -> EnvoyOutlierDetection:
    found = translated(TrafficPolicy(outlier_detection=settings)).outlier_detection
    assert found is not None
    return found


class TestPrecedence:
    """Subset over service block by block; a port level replaces everything."""

    SERVICE = TrafficPolicy(
        load_balancer=LoadBalancerSettings(SimpleLB.RANDOM),
        connection_pool=ConnectionPoolSettings(tcp=TCPSettings(max_connections=1)),
    )

    def test_a_subset_overrides_the_blocks_that_it_has(self) -> None:
        cluster = translated(self.SERVICE, kit.subset("v1", balancer(SimpleLB.ROUND_ROBIN)))
        assert cluster.lb_policy is ClusterLbPolicy.ROUND_ROBIN
        assert thresholds(cluster).max_connections == 1

    def test_a_subset_without_policy_inherits(self) -> None:
        cluster = translated(self.SERVICE, kit.subset("v1"))
        assert cluster.lb_policy is ClusterLbPolicy.RANDOM

    def test_a_port_level_inherits_nothing(self) -> None:
        level = balancer(SimpleLB.ROUND_ROBIN)
        policy = TrafficPolicy(self.SERVICE.load_balancer, self.SERVICE.connection_pool, port_level={80: level})
        cluster = translated(policy)
        assert cluster.lb_policy is ClusterLbPolicy.ROUND_ROBIN
        assert thresholds(cluster).max_connections == 2**32 - 1
        assert thresholds(translated(policy, port=kit.http(81))).max_connections == 1

    def test_a_port_level_of_a_subset_replaces_all(self) -> None:
        level = TrafficPolicy(port_level={80: balancer(SimpleLB.ROUND_ROBIN)})
        cluster = translated(self.SERVICE, kit.subset("v1", level))
        assert cluster.lb_policy is ClusterLbPolicy.ROUND_ROBIN
        assert thresholds(cluster).max_connections == 2**32 - 1

    def test_what_a_port_level_cannot_have_holds_for_every_port(self) -> None:
        policy = TrafficPolicy(retry_budget=RetryBudget(10), port_level={80: TrafficPolicy()})
        assert thresholds(translated(policy)).retry_budget is not None
        own = kit.subset("v1", TrafficPolicy(retry_budget=RetryBudget(30)))
        budget = thresholds(translated(policy, own)).retry_budget
        assert budget is not None
        assert budget.budget_percent == Percent(value=30)


class TestLoadBalancing:
    @pytest.mark.parametrize(
        ("simple", "policy"),
        [
            (SimpleLB.UNSPECIFIED, ClusterLbPolicy.LEAST_REQUEST),
            (SimpleLB.LEAST_REQUEST, ClusterLbPolicy.LEAST_REQUEST),
            (SimpleLB.RANDOM, ClusterLbPolicy.RANDOM),
            (SimpleLB.ROUND_ROBIN, ClusterLbPolicy.ROUND_ROBIN),
        ],
    )
    def test_simple(self, simple: SimpleLB, policy: ClusterLbPolicy) -> None:
        cluster = translated(balancer(simple))
        assert cluster.lb_policy is policy
        assert cluster.least_request_lb_config is None
        assert cluster.round_robin_lb_config is None

    @pytest.mark.parametrize(("size", "minimum"), [(None, 1024), (64, 64)])
    def test_ring_hash(self, size: int | None, minimum: int) -> None:
        cluster = translated(balancer(consistent_hash=ConsistentHashLB(use_source_ip=True, size=size)))
        assert cluster.lb_policy is ClusterLbPolicy.RING_HASH
        assert cluster.ring_hash_lb_config is not None
        assert cluster.ring_hash_lb_config.minimum_ring_size == minimum

    def test_maglev(self) -> None:
        settings = ConsistentHashLB(http_header_name="x", algorithm=HashAlgorithm.MAGLEV, size=65537)
        cluster = translated(balancer(consistent_hash=settings))
        assert cluster.lb_policy is ClusterLbPolicy.MAGLEV
        assert cluster.maglev_lb_config is not None
        assert cluster.maglev_lb_config.table_size == 65537

    @pytest.mark.parametrize("simple", [SimpleLB.UNSPECIFIED, SimpleLB.ROUND_ROBIN])
    def test_warmup(self, simple: SimpleLB) -> None:
        cluster = translated(balancer(simple, warmup=Warmup(30 * SECONDS, minimum_percent=20, aggression=1.5)))
        config = cluster.least_request_lb_config or cluster.round_robin_lb_config
        assert config is not None
        assert config.slow_start_config is not None
        assert config.slow_start_config.slow_start_window == 30 * SECONDS
        assert config.slow_start_config.min_weight_percent is not None
        assert config.slow_start_config.min_weight_percent.value == 20
        assert config.slow_start_config.aggression is not None
        assert config.slow_start_config.aggression.default_value == 1.5

    @pytest.mark.parametrize(
        ("setting", "outlier", "weighted"),
        [
            (None, OutlierDetection(), False),
            (LocalityLbSetting(failover=(LocalityFailover("a", "b"),)), OutlierDetection(), True),
            (LocalityLbSetting(failover_priority=("app",)), OutlierDetection(), True),
            (LocalityLbSetting(failover_priority=("app",)), None, False),
            (LocalityLbSetting(distribute=(LocalityDistribution("a", (("a", 100),)),)), None, True),
        ],
    )
    def test_localities_share_by_weight_where_a_rule_is_about_them(
        self, setting: LocalityLbSetting | None, outlier: OutlierDetection | None, weighted: bool
    ) -> None:
        policy = TrafficPolicy(load_balancer=LoadBalancerSettings(locality=setting), outlier_detection=outlier)
        config = translated(policy).common_lb_config
        assert config is not None
        assert (config.locality_weighted_lb_config is not None) is weighted

    def test_zones_balance_themselves(self) -> None:
        setting = LocalityLbSetting(zone_aware=True, failover_priority=("app",), min_cluster_size=3)
        config = translated(TrafficPolicy(load_balancer=LoadBalancerSettings(locality=setting))).common_lb_config
        assert config is not None
        assert config.zone_aware_lb_config == ClusterCommonLbConfigZoneAwareLbConfig(min_cluster_size=3)
        assert config.locality_weighted_lb_config is None


class TestConnectionPool:
    def test_limits(self) -> None:
        http = HTTPSettings(http1_max_pending_requests=2, http2_max_requests=3, max_retries=4)
        found = thresholds(translated(pool(TCPSettings(max_connections=1), http)))
        limits = (found.max_connections, found.max_pending_requests, found.max_requests, found.max_retries)
        assert limits == (1, 2, 3, 4)

    def test_connect_timeout_and_keepalive(self) -> None:
        keepalive = TcpKeepalive(probes=3, time=7200 * SECONDS, interval=75 * SECONDS)
        cluster = translated(pool(TCPSettings(connect_timeout=2 * SECONDS, tcp_keepalive=keepalive)))
        assert cluster.connect_timeout == 2 * SECONDS
        assert cluster.upstream_connection_options is not None
        found = cluster.upstream_connection_options.tcp_keepalive
        assert found is not None
        assert (found.keepalive_probes, found.keepalive_time, found.keepalive_interval) == (3, 7200, 75)

    def test_http_timeouts(self) -> None:
        http = HTTPSettings(idle_timeout=5 * SECONDS, max_requests_per_connection=1)
        options = http_options(translated(pool(TCPSettings(max_connection_duration=60 * SECONDS), http)))
        assert options is not None
        common = options.common_http_protocol_options
        assert common is not None
        assert (common.idle_timeout, common.max_requests_per_connection) == (5 * SECONDS, 1)
        assert common.max_connection_duration == 60 * SECONDS
        assert options.explicit_http_config is not None
        assert options.explicit_http_config.http_protocol_options is not None

    def test_an_idle_timeout_of_tcp_holds_for_http_too(self) -> None:
        options = http_options(translated(pool(TCPSettings(idle_timeout=9 * SECONDS), HTTPSettings())))
        assert options is not None
        assert options.common_http_protocol_options is not None
        assert options.common_http_protocol_options.idle_timeout == 9 * SECONDS

    def test_retry_budget(self) -> None:
        budget = thresholds(translated(TrafficPolicy(retry_budget=RetryBudget(12.5, 4, 10 * SECONDS)))).retry_budget
        assert budget == CircuitBreakersThresholdsRetryBudget(Percent(value=12.5), 10 * SECONDS, 4)
        assert thresholds(translated(None)).retry_budget is None


class TestProxyProtocol:
    @pytest.mark.parametrize("version", list(ProxyProtocol))
    def test_a_header_goes_before_plain_text(self, version: ProxyProtocol) -> None:
        transport = announced(translated(TrafficPolicy(proxy_protocol=version)))
        assert transport.config is not None
        assert transport.config.version.name == version.name
        assert transport.transport_socket is not None
        assert transport.transport_socket.name == "envoy.transport_sockets.raw_buffer"

    def test_a_header_goes_before_tls(self) -> None:
        policy = TrafficPolicy(proxy_protocol=ProxyProtocol.V2, tls=ClientTLSSettings(TLSMode.SIMPLE))
        transport = announced(translated(policy))
        assert transport.transport_socket is not None
        assert transport.transport_socket.name == "envoy.transport_sockets.tls"


def announced(cluster: Cluster) -> ProxyProtocolUpstreamTransport:
    assert cluster.transport_socket is not None
    assert cluster.transport_socket.name == "envoy.transport_sockets.upstream_proxy_protocol"
    assert cluster.transport_socket.typed_config is not None
    return ProxyProtocolUpstreamTransport.parse(cluster.transport_socket.typed_config.value)


class TestHttpVersion:
    def test_http1_needs_no_options(self) -> None:
        assert http_options(translated(None)) is None

    @pytest.mark.parametrize("protocol", [Protocol.HTTP2, Protocol.GRPC, Protocol.GRPC_WEB])
    def test_ports_that_declare_http2(self, protocol: Protocol) -> None:
        options = http_options(translated(None, port=kit.port(80, protocol)))
        assert options is not None
        assert options.explicit_http_config is not None
        assert options.explicit_http_config.http2_protocol_options is not None
        assert options.explicit_http_config.http2_protocol_options.max_concurrent_streams == 2**30

    def test_upgrade(self) -> None:
        settings = HTTPSettings(h2_upgrade_policy=H2UpgradePolicy.UPGRADE, max_concurrent_streams=100)
        options = http_options(translated(pool(http=settings)))
        assert options is not None
        assert options.explicit_http_config is not None
        assert options.explicit_http_config.http2_protocol_options is not None
        assert options.explicit_http_config.http2_protocol_options.max_concurrent_streams == 100

    @pytest.mark.parametrize(("timeout", "expected"), [(10 * SECONDS, 10 * SECONDS), (None, 5 * SECONDS)])
    def test_pings(self, timeout: timedelta | None, expected: timedelta) -> None:
        pings = Http2KeepAlive(30 * SECONDS, timeout)
        settings = HTTPSettings(h2_upgrade_policy=H2UpgradePolicy.UPGRADE, http2_keep_alive=pings)
        options = http_options(translated(pool(http=settings)))
        assert options is not None
        assert options.explicit_http_config is not None
        assert options.explicit_http_config.http2_protocol_options is not None
        found = options.explicit_http_config.http2_protocol_options.connection_keepalive
        assert found == KeepaliveSettings(interval=30 * SECONDS, timeout=expected)

    def test_client_protocol(self) -> None:
        options = http_options(translated(pool(http=HTTPSettings(use_client_protocol=True))))
        assert options is not None
        assert options.use_downstream_protocol_config is not None
        assert options.use_downstream_protocol_config.http2_protocol_options is not None

    def test_undeclared_ports_are_sniffed_by_sidecars_only(self) -> None:
        port = kit.port(80, Protocol.UNSUPPORTED)
        options = http_options(translated(None, port=port))
        assert options is not None
        assert options.use_downstream_protocol_config is not None
        assert http_options(translated(None, port=port, proxy=kit.GATEWAY)) is None


class TestOutlierDetection:
    def test_what_is_not_set_is_envoys_default(self) -> None:
        assert outlier(OutlierDetection()) == EnvoyOutlierDetection(enforcing_success_rate=0)

    def test_counters_are_enforced(self) -> None:
        found = outlier(OutlierDetection(consecutive_5xx_errors=7, consecutive_gateway_errors=0))
        assert (found.consecutive_5xx, found.enforcing_consecutive_5xx) == (7, 100)
        assert (found.consecutive_gateway_failure, found.enforcing_consecutive_gateway_failure) == (0, 0)

    def test_times_and_shares(self) -> None:
        settings = OutlierDetection(interval=SECONDS, base_ejection_time=3 * SECONDS, max_ejection_percent=50)
        found = outlier(settings)
        assert (found.interval, found.base_ejection_time, found.max_ejection_percent) == (SECONDS, 3 * SECONDS, 50)

    def test_local_origin_errors(self) -> None:
        settings = OutlierDetection(split_external_local_origin_errors=True, consecutive_local_origin_failures=4)
        found = outlier(settings)
        assert found.split_external_local_origin_errors
        assert found.enforcing_local_origin_success_rate == 0
        assert (found.consecutive_local_origin_failure, found.enforcing_consecutive_local_origin_failure) == (4, 100)

    def test_statuses_that_count_as_errors(self) -> None:
        options = http_options(
            translated(TrafficPolicy(outlier_detection=OutlierDetection(http_error_codes=(429, 503))))
        )
        assert options is not None
        assert options.outlier_detection is not None
        assert options.outlier_detection.error_matcher is not None
        match = options.outlier_detection.error_matcher.http_response_headers_match
        assert match is not None
        (status,) = match.headers
        assert (status.name, status.string_match) == (
            ":status",
            StringMatcher(safe_regex=RegexMatcher(regex="429|503")),
        )

    @pytest.mark.parametrize("percent", [0, 30])
    def test_panic_mode_is_off_unless_asked_for(self, percent: int) -> None:
        config = translated(TrafficPolicy(outlier_detection=OutlierDetection(min_health_percent=percent)))
        assert config.common_lb_config is not None
        assert config.common_lb_config.healthy_panic_threshold is not None
        assert config.common_lb_config.healthy_panic_threshold.value == percent
