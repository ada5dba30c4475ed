"""DestinationRule: host, subsets, and traffic policies at every level."""

from __future__ import annotations

from datetime import timedelta
from textwrap import dedent, indent

import pytest

from tests.config.kinds.istio import accepted, refused, warned
from xds.config.kinds.destination_rule import KIND
from xds.model.labels import Labels
from xds.model.objects import Origin
from xds.model.policy import (
    ClientTLSSettings,
    ConnectionPoolSettings,
    ConsistentHashLB,
    CookieAttribute,
    H2UpgradePolicy,
    HashAlgorithm,
    Http2KeepAlive,
    HTTPCookie,
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
    TunnelProtocol,
    TunnelSettings,
    Warmup,
)

RANDOM = TrafficPolicy(load_balancer=LoadBalancerSettings(SimpleLB.RANDOM))


def rule(policy: str) -> str:
    """A spec whose traffic policy begins on line 3."""
    return f"host: reviews\ntrafficPolicy:\n{indent(dedent(policy), '  ')}"


def policy(text: str) -> TrafficPolicy:
    """The traffic policy of a rule that nothing is to be said about."""
    found = accepted(KIND, rule(text)).traffic_policy
    assert found is not None
    return found


def wrong(text: str) -> list[tuple[int, str]]:
    """Line within the policy, from 1, and path within it, of each mistake."""
    return [(line - 2, path.removeprefix("spec.trafficPolicy.")) for line, path in refused(KIND, rule(text))]


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("reviews", "reviews.bookinfo.svc.cluster.local"),
        ("reviews.shop", "reviews.shop"),
        ("'*.local'", "*.local"),
        ("'*'", "*"),
    ],
)
def test_completes_the_host(written: str, host: str) -> None:
    assert accepted(KIND, f"host: {written}").host == host


def test_reads_what_surrounds_the_policy() -> None:
    found = accepted(KIND, "host: reviews\nexportTo: [.]\nworkloadSelector: {matchLabels: {app: web}}")
    assert found.export_to == ("bookinfo",)
    assert found.workload_selector == Labels({"app": "web"})
    assert found.traffic_policy is None


def test_refuses_a_missing_host() -> None:
    assert refused(KIND, "host: ''") == [(1, "spec.host")]
    assert refused(KIND, "host: 'a b'") == [(1, "spec.host")]


def test_reads_subsets() -> None:
    found = accepted(
        KIND,
        """\
        host: reviews
        subsets:
        - name: v1
          labels: {version: v1}
        - name: v2
          labels: {version: v2}
          trafficPolicy:
            loadBalancer: {simple: RANDOM}
        """,
    )
    assert found.subsets == (
        Subset("v1", Origin("it.yaml", 7), Labels({"version": "v1"})),
        Subset("v2", Origin("it.yaml", 9), Labels({"version": "v2"}), RANDOM),
    )


def test_refuses_wrong_subsets() -> None:
    text = """\
        host: reviews
        subsets:
        - name: v1
        - name: v1
        - name: ''
        - name: ''
        - name: Not_A_Name
          trafficPolicy:
            tls: {mode: MUTUAL, clientCertificate: /c}
            portLevelSettings:
            - port: {number: 80}
              outlierDetection: {maxEjectionPercent: 101}
        """
    assert refused(KIND, text) == [
        (4, "spec.subsets[1].name"),
        (5, "spec.subsets[2].name"),
        (6, "spec.subsets[3].name"),
        (7, "spec.subsets[4].name"),
        (12, "spec.subsets[4].trafficPolicy.portLevelSettings[0].outlierDetection.maxEjectionPercent"),
        (9, "spec.subsets[4].trafficPolicy.tls.privateKey"),
    ]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("{}", SimpleLB.UNSPECIFIED),
        ("{simple: ROUND_ROBIN}", SimpleLB.ROUND_ROBIN),
        ("{simple: LEAST_CONN}", SimpleLB.LEAST_REQUEST),
        ("{simple: PASSTHROUGH}", SimpleLB.PASSTHROUGH),
    ],
)
def test_reads_simple_load_balancers(written: str, expected: SimpleLB) -> None:
    assert policy(f"loadBalancer: {written}").load_balancer == LoadBalancerSettings(expected)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("{httpHeaderName: X-User}", ConsistentHashLB(http_header_name="x-user")),
        ("{httpHeaderName: ':path'}", ConsistentHashLB(http_header_name=":path")),
        ("{useSourceIp: true, minimumRingSize: 512}", ConsistentHashLB(use_source_ip=True, size=512)),
        (
            "{httpQueryParameterName: user, ringHash: {minimumRingSize: 2048}}",
            ConsistentHashLB(http_query_parameter_name="user", size=2048),
        ),
        (
            "{httpCookie: {name: s, path: /a, ttl: 0s}, maglev: {tableSize: 65537}}",
            ConsistentHashLB(
                http_cookie=HTTPCookie("s", "/a", timedelta()), algorithm=HashAlgorithm.MAGLEV, size=65537
            ),
        ),
        (
            "{httpCookie: {name: s, attributes: [{name: SameSite, value: Strict}, {name: Secure}]}}",
            ConsistentHashLB(
                http_cookie=HTTPCookie(
                    "s", attributes=(CookieAttribute("SameSite", "Strict"), CookieAttribute("Secure"))
                )
            ),
        ),
        (
            "{httpCookie: {name: s}, maglev: {}}",
            ConsistentHashLB(http_cookie=HTTPCookie("s"), algorithm=HashAlgorithm.MAGLEV),
        ),
    ],
)
def test_reads_consistent_hashes(written: str, expected: ConsistentHashLB) -> None:
    found = policy(f"loadBalancer: {{consistentHash: {written}}}").load_balancer
    assert found == LoadBalancerSettings(consistent_hash=expected)


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("{}", ""),
        ("{useSourceIp: false}", ""),
        ("{httpHeaderName: 'a b'}", ".httpHeaderName"),
        ("{httpCookie: {name: ''}}", ".httpCookie.name"),
        ("{httpCookie: {name: a, ttl: -1s}}", ".httpCookie.ttl"),
        ("{httpCookie: {name: a, attributes: [{name: ''}]}}", ".httpCookie.attributes[0].name"),
        ("{httpCookie: {name: a, attributes: [{name: 'a=b'}]}}", ".httpCookie.attributes[0].name"),
        ("{httpCookie: {name: a, attributes: [{name: a, value: 'b; c'}]}}", ".httpCookie.attributes[0].value"),
        ('{httpCookie: {name: a, attributes: [{name: a, value: "b\\r\\n"}]}}', ".httpCookie.attributes[0].value"),
        ("{useSourceIp: true, minimumRingSize: 8388609}", ".minimumRingSize"),
        ("{useSourceIp: true, ringHash: {minimumRingSize: 8388609}}", ".ringHash.minimumRingSize"),
        ("{useSourceIp: true, maglev: {tableSize: 65536}}", ".maglev.tableSize"),
        ("{useSourceIp: true, maglev: {tableSize: 5000021}}", ".maglev.tableSize"),
    ],
)
def test_refuses_wrong_consistent_hashes(written: str, path: str) -> None:
    text = f"loadBalancer:\n  consistentHash: {written}"
    assert wrong(text) == [(2, f"loadBalancer.consistentHash{path}")]


def test_reads_warmup() -> None:
    text = "loadBalancer: {simple: ROUND_ROBIN, warmup: {duration: 30s, minimumPercent: 20, aggression: 1.5}}"
    assert policy(text).load_balancer == LoadBalancerSettings(
        SimpleLB.ROUND_ROBIN, warmup=Warmup(timedelta(seconds=30), 20.0, 1.5)
    )
    older = policy("loadBalancer: {warmupDurationSecs: 60s}").load_balancer
    assert older == LoadBalancerSettings(warmup=Warmup(timedelta(seconds=60)))


def test_checks_warmup() -> None:
    assert wrong("loadBalancer: {warmup: {duration: 1s, aggression: 0}}") == [(1, "loadBalancer.warmup.aggression")]
    _, found = warned(KIND, rule("loadBalancer: {simple: RANDOM, warmup: {duration: 1s}}"))
    assert found == [(3, "spec.trafficPolicy.loadBalancer.warmup", "no-effect")]


def test_reads_connection_pools() -> None:
    text = """\
        connectionPool:
          tcp:
            maxConnections: 100
            connectTimeout: 30ms
            tcpKeepalive: {probes: 3, time: 7200s, interval: 75s}
            maxConnectionDuration: 1h
            idleTimeout: 0s
          http:
            http1MaxPendingRequests: 1
            http2MaxRequests: 2
            maxRequestsPerConnection: 3
            maxRetries: 4
            idleTimeout: 5s
            h2UpgradePolicy: UPGRADE
            maxConcurrentStreams: 6
            http2KeepAlive: {interval: 30s, timeout: 10s}
        """
    assert policy(text).connection_pool == ConnectionPoolSettings(
        tcp=TCPSettings(
            max_connections=100,
            connect_timeout=timedelta(milliseconds=30),
            tcp_keepalive=TcpKeepalive(3, timedelta(hours=2), timedelta(seconds=75)),
            max_connection_duration=timedelta(hours=1),
            idle_timeout=timedelta(),
        ),
        http=HTTPSettings(
            http1_max_pending_requests=1,
            http2_max_requests=2,
            max_requests_per_connection=3,
            max_retries=4,
            idle_timeout=timedelta(seconds=5),
            h2_upgrade_policy=H2UpgradePolicy.UPGRADE,
            max_concurrent_streams=6,
            http2_keep_alive=Http2KeepAlive(timedelta(seconds=30), timedelta(seconds=10)),
        ),
    )


def test_a_limit_of_zero_is_none() -> None:
    text = "connectionPool: {tcp: {maxConnections: 0}, http: {maxRetries: 0, useClientProtocol: true}}"
    assert policy(text).connection_pool == ConnectionPoolSettings(TCPSettings(), HTTPSettings(use_client_protocol=True))


def test_refuses_wrong_connection_pools() -> None:
    text = """\
        connectionPool:
          tcp:
            maxConnections: -1
            idleTimeout: -1s
          http:
            maxRetries: -1
            h2UpgradePolicy: UPGRADE
            useClientProtocol: true
        """
    assert sorted(wrong(text)) == [
        (3, "connectionPool.tcp.maxConnections"),
        (4, "connectionPool.tcp.idleTimeout"),
        (6, "connectionPool.http.maxRetries"),
        (8, "connectionPool.http.useClientProtocol"),
    ]


def test_reads_retry_budgets() -> None:
    text = "retryBudget: {percent: 12.5, minRetryConcurrency: 4, budgetInterval: 10s}"
    assert policy(text).retry_budget == RetryBudget(12.5, 4, timedelta(seconds=10))
    assert policy("retryBudget: {percent: 0}").retry_budget == RetryBudget(percent=0)


def test_refuses_a_budget_of_no_time() -> None:
    assert wrong("retryBudget: {budgetInterval: 100us}") == [(1, "retryBudget.budgetInterval")]


def test_reads_outlier_detection() -> None:
    text = """\
        outlierDetection:
          consecutive5xxErrors: 0
          consecutiveGatewayErrors: 7
          splitExternalLocalOriginErrors: true
          consecutiveLocalOriginFailures: 5
          interval: 5m
          baseEjectionTime: 15m
          maxEjectionPercent: 100
          minHealthPercent: 50
          outlierDetectionHttpErrorCodes: [429, 503]
        """
    assert policy(text).outlier_detection == OutlierDetection(
        consecutive_5xx_errors=0,
        consecutive_gateway_errors=7,
        split_external_local_origin_errors=True,
        consecutive_local_origin_failures=5,
        interval=timedelta(minutes=5),
        base_ejection_time=timedelta(minutes=15),
        max_ejection_percent=100,
        min_health_percent=50,
        http_error_codes=(429, 503),
    )
    assert policy("outlierDetection: {maxEjectionPercent: 0}").outlier_detection == OutlierDetection()


def test_refuses_wrong_outlier_detection() -> None:
    text = """\
        outlierDetection:
          consecutiveLocalOriginFailures: 5
          maxEjectionPercent: 101
          minHealthPercent: -1
        """
    assert wrong(text) == [
        (2, "outlierDetection.consecutiveLocalOriginFailures"),
        (3, "outlierDetection.maxEjectionPercent"),
        (4, "outlierDetection.minHealthPercent"),
    ]


def test_reads_port_level_settings() -> None:
    text = """\
        loadBalancer: {simple: ROUND_ROBIN}
        portLevelSettings:
        - port: {number: 80}
          loadBalancer: {simple: RANDOM}
        - port: {number: 443}
        """
    assert policy(text) == TrafficPolicy(
        load_balancer=LoadBalancerSettings(SimpleLB.ROUND_ROBIN), port_level={80: RANDOM, 443: TrafficPolicy()}
    )


def test_refuses_wrong_port_level_settings() -> None:
    text = """\
        portLevelSettings:
        - port: {number: 80}
        - port: {number: 80}
        - port: {number: 0}
        - loadBalancer: {simple: RANDOM}
        """
    assert wrong(text) == [
        (3, "portLevelSettings[1].port.number"),
        (4, "portLevelSettings[2].port.number"),
        (5, "portLevelSettings[3].port.number"),
    ]


def test_reads_tls() -> None:
    assert policy("tls: {}").tls == ClientTLSSettings(TLSMode.DISABLE)
    text = """\
        tls:
          mode: MUTUAL
          clientCertificate: /etc/certs/client.pem
          privateKey: /etc/certs/key.pem
          caCertificates: /etc/certs/ca.pem
          caCrl: /etc/certs/revoked.pem
          sni: a.example.com
          subjectAltNames: [b.example.com]
        """
    assert policy(text).tls == ClientTLSSettings(
        mode=TLSMode.MUTUAL,
        sni="a.example.com",
        subject_alt_names=("b.example.com",),
        ca_certificates="/etc/certs/ca.pem",
        client_certificate="/etc/certs/client.pem",
        private_key="/etc/certs/key.pem",
        ca_crl="/etc/certs/revoked.pem",
    )


def test_refuses_wrong_tls() -> None:
    assert wrong("tls:\n  mode: MUTUAL") == [(1, "tls.clientCertificate"), (1, "tls.privateKey")]
    assert wrong("tls:\n  mode: SIMPLE\n  insecureSkipVerify: true\n  caCertificates: /ca\n  caCrl: /crl") == [
        (4, "tls.caCertificates"),
        (5, "tls.caCrl"),
    ]


@pytest.mark.parametrize(
    ("written", "expected"),
    [("{}", ProxyProtocol.V1), ("{version: V1}", ProxyProtocol.V1), ("{version: V2}", ProxyProtocol.V2)],
)
def test_reads_the_proxy_protocol(written: str, expected: ProxyProtocol) -> None:
    assert policy(f"proxyProtocol: {written}").proxy_protocol is expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("{targetHost: a.example.com, targetPort: 80}", TunnelSettings("a.example.com", 80)),
        ("{targetHost: '::1', targetPort: 1, protocol: POST}", TunnelSettings("::1", 1, TunnelProtocol.POST)),
        ("{targetHost: 10.0.0.1, targetPort: 1, protocol: CONNECT}", TunnelSettings("10.0.0.1", 1)),
    ],
)
def test_reads_tunnels(written: str, expected: TunnelSettings) -> None:
    assert policy(f"tunnel: {written}").tunnel == expected


@pytest.mark.parametrize(
    ("written", "field"),
    [
        ("{targetHost: '', targetPort: 80}", "targetHost"),
        ("{targetHost: '*.example.com', targetPort: 80}", "targetHost"),
        ("{targetHost: 'unix:///run/a', targetPort: 80}", "targetHost"),
        ("{targetHost: a, targetPort: 0}", "targetPort"),
        ("{targetHost: a, targetPort: 80, protocol: GET}", "protocol"),
    ],
)
def test_refuses_wrong_tunnels(written: str, field: str) -> None:
    assert wrong(f"tunnel: {written}") == [(1, f"tunnel.{field}")]


def test_warns_of_what_has_no_effect_yet() -> None:
    text = """\
        outlierDetection: {consecutiveErrors: 5}
        portLevelSettings:
        - port: {number: 80}
          tls: {mode: SIMPLE, insecureSkipVerify: true}
        """
    found = warned(KIND, rule(text))[1]
    assert {code for _, _, code in found} == {"not-honoured"}
    assert [(line, path.removeprefix("spec.trafficPolicy.")) for line, path, _ in found] == [
        (3, "outlierDetection.consecutiveErrors")
    ]


def test_says_who_does_not_use_a_credential() -> None:
    text = "tls: {mode: MUTUAL, credentialName: c}"
    made, found = warned(KIND, rule(text))
    assert made.traffic_policy is not None
    assert made.traffic_policy.tls == ClientTLSSettings(TLSMode.MUTUAL, credential_name="c")
    assert [(path, code) for _, path, code in found] == [("spec", "no-effect")]
    assert warned(KIND, rule(text) + "\nworkloadSelector: {matchLabels: {app: a}}")[1] == []
    subset = "host: a\nsubsets: [{name: v1, trafficPolicy: {tls: {mode: SIMPLE, credentialName: c}}}]"
    assert len(warned(KIND, subset)[1]) == 1
    assert (1, "tls.caCertificates") in wrong("tls: {mode: SIMPLE, credentialName: c, caCertificates: /ca}")
