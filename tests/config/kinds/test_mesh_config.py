"""MeshConfig: settings, defaults and findings."""

from __future__ import annotations

import json
from datetime import timedelta
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xds.config.kinds.mesh_config import parse_mesh_config
from xds.model.diagnostic import Severity
from xds.model.gateways import OutboundTrafficMode
from xds.model.labels import Labels
from xds.model.policy import TcpKeepalive
from xds.model.proxy_settings import ForwardClientCertDetails, ProxyDefaults
from xds.model.routing import HTTPRetry
from xds.model.server_tls import TLSVersion
from xds.model.settings import AccessLogEncoding, MeshSettings, MeshTls

ALL = """\
    rootNamespace: istio-config
    trustDomain: example.org
    outboundTrafficPolicy: {mode: REGISTRY_ONLY}
    proxyHttpPort: 15080
    accessLogFile: /dev/stdout
    connectTimeout: 1s
    """

PLAIN = (
    st.none() | st.integers() | st.sampled_from(("a", "1s", "80", {}, [], {"mesh": "rootNamespace: a"}, {"mesh": 1}))
)


def read(text: str) -> tuple[MeshSettings, list[tuple[str, int, str, str]]]:
    settings, found = parse_mesh_config(dedent(text), "mesh.yaml")
    return settings, [(each.severity.value, each.origin.line, each.path, each.code) for each in found]


@pytest.mark.parametrize("text", ["", "---\n", "{}", "# nothing"])
def test_defaults_are_those_of_istio(text: str) -> None:
    assert read(text) == (MeshSettings(), [])


def test_reads_every_setting() -> None:
    expected = MeshSettings(
        root_namespace="istio-config",
        trust_domain="example.org",
        outbound_traffic_policy=OutboundTrafficMode.REGISTRY_ONLY,
        proxy_http_port=15080,
        access_log_file="/dev/stdout",
        connect_timeout=timedelta(seconds=1),
    )
    assert read(ALL) == (expected, [])
    config_map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio}\ndata:\n  mesh: |-\n" + ALL
    assert parse_mesh_config(config_map, "mesh.yaml") == (expected, ())


def test_warns_of_what_has_no_effect_yet() -> None:
    text = "proxyHttpPort: 1\nhboneIdleTimeout: 1s\ndefaultConfig: {concurrency: 2}\n"
    assert read(text) == (
        MeshSettings(proxy_http_port=1),
        [
            ("warning", 2, "hboneIdleTimeout", "not-honoured"),
            ("warning", 3, "defaultConfig.concurrency", "not-honoured"),
        ],
    )


def test_reads_the_defaults_for_traffic() -> None:
    text = """\
        tcpKeepalive: {probes: 3, time: 60s}
        h2UpgradePolicy: UPGRADE
        defaultHttpRetryPolicy: {attempts: 0}
        defaultServiceExportTo: [".", shop]
        accessLogEncoding: JSON
        accessLogFormat: '{"a": 1}'
        """
    expected = MeshSettings(
        tcp_keepalive=TcpKeepalive(probes=3, time=timedelta(minutes=1)),
        h2_upgrade=True,
        retries=HTTPRetry(attempts=0),
        service_export_to=(".", "shop"),
        access_log_encoding=AccessLogEncoding.JSON,
        access_log_format='{"a": 1}',
    )
    assert read(text) == (expected, [])


@pytest.mark.parametrize(
    ("text", "line", "path", "code"),
    [
        ("accessLogEncoding: JSON\naccessLogFormat: plain\n", 2, "accessLogFormat", "invalid-format"),
        ("accessLogEncoding: JSON\naccessLogFormat: '[]'\n", 2, "accessLogFormat", "invalid-format"),
        ("defaultServiceExportTo: [Not_A_Name]\n", 1, "defaultServiceExportTo[0]", "invalid-value"),
        ("trustDomain: a\nrootNamespaces: b\n", 2, "rootNamespaces", "unknown-field"),
        ("proxyHttpPort: 70000\n", 1, "proxyHttpPort", "out-of-range"),
        ("outboundTrafficPolicy:\n  mode: NONE\n", 2, "outboundTrafficPolicy.mode", "invalid-enum"),
        ("connectTimeout: soon\n", 1, "connectTimeout", "invalid-duration"),
        ("rootNamespace: Not_A_Name\n", 1, "rootNamespace", "invalid-format"),
        ("- a\n", 1, "", "not-an-object"),
        ("kind: ConfigMap\ndata: {}\n", 2, "data.mesh", "missing-field"),
        ("kind: ConfigMap\ndata:\n  mesh: |\n    trustDomain: a\n    nothing: b\n", 5, "nothing", "unknown-field"),
    ],
)
def test_an_error_leaves_the_defaults(text: str, line: int, path: str, code: str) -> None:
    assert read(text) == (MeshSettings(), [("error", line, path, code)])


def test_reports_what_is_no_yaml() -> None:
    settings, found = read("a: [\n")
    assert settings == MeshSettings()
    assert [severity for severity, *_ in found] == ["error"]


@given(st.dictionaries(st.sampled_from(("rootNamespace", "connectTimeout", "proxyHttpPort", "data")), PLAIN))
def test_no_text_raises(document: dict[str, object]) -> None:
    for head in ({}, {"kind": "ConfigMap"}):
        settings, found = parse_mesh_config(json.dumps(head | document), "mesh.yaml")
        assert settings == MeshSettings() or not any(each.severity is Severity.ERROR for each in found)


def test_reads_what_every_proxy_is_given() -> None:
    text = """\
        defaultConfig:
          proxyAdminPort: 15999
          meshId: test
          proxyMetadata: {ISTIO_META_DNS_CAPTURE: "true"}
          runtimeValues: {a: "1"}
          statsdUdpAddress: 127.0.0.1:8125
          gatewayTopology: {numTrustedProxies: 2, forwardClientCertDetails: SANITIZE}
        """
    expected = ProxyDefaults(
        admin_port=15999,
        metadata=Labels({"MESH_ID": "test", "DNS_CAPTURE": "true"}),
        runtime_values=Labels({"a": "1"}),
        statsd="127.0.0.1:8125",
        trusted_proxies=2,
        forward_client_cert=ForwardClientCertDetails.SANITIZE,
    )
    assert read(text) == (MeshSettings(proxy=expected), [])


@pytest.mark.parametrize("address", ["statsd:8125", "127.0.0.1", "127.0.0.1:0"])
def test_the_address_of_statsd_is_an_ip_and_a_port(address: str) -> None:
    _, found = read(f"defaultConfig: {{statsdUdpAddress: '{address}'}}")
    assert found == [("error", 1, "defaultConfig.statsdUdpAddress", "invalid-value")]


def test_metadata_without_istios_prefix_is_told() -> None:
    assert read("defaultConfig: {proxyMetadata: {OTHER: a}}") == (
        MeshSettings(),
        [("warning", 1, "defaultConfig.proxyMetadata.OTHER", "no-effect")],
    )


@pytest.mark.parametrize(
    ("text", "path", "code"),
    [
        ("{zoneAwareLbSetting: {}, localityLbSetting: {}}", "zoneAwareLbSetting", "conflicting-fields"),
        (
            "{defaultTrafficPolicy: {outlierDetection: {maxEjectionPercent: 101}}}",
            "defaultTrafficPolicy.outlierDetection.maxEjectionPercent",
            "out-of-range",
        ),
        (
            "{defaultTrafficPolicy: {connectionPool: {tcp: {maxConnections: -1}}}}",
            "defaultTrafficPolicy.connectionPool.tcp.maxConnections",
            "out-of-range",
        ),
    ],
)
def test_defaults_are_checked_as_those_of_a_rule(text: str, path: str, code: str) -> None:
    assert ("error", 1, path, code) in read(text)[1]


def test_tls_for_unknown_hosts_needs_the_mode_that_resolves_them() -> None:
    _, found = read("outboundTrafficPolicy: {mode: ALLOW_ANY, tls: {mode: SIMPLE}}")
    assert found == [("warning", 1, "outboundTrafficPolicy.tls", "no-effect")]


def test_defaults_of_tls_are_checked() -> None:
    settings, found = read("tlsDefaults: {minProtocolVersion: TLSV1_2, cipherSuites: [A], ecdhCurves: [P-256]}")
    assert settings.tls == MeshTls(TLSVersion.V1_2, (), ("P-256",))
    assert found == [("warning", 1, "tlsDefaults.cipherSuites[0]", "no-effect")]
    _, found = read("tlsDefaults: {ecdhCurves: [a]}")
    assert found == [("error", 1, "tlsDefaults.ecdhCurves[0]", "invalid-value")]
