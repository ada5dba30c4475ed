"""Sidecar: egress scopes, ingress listeners and the outbound policy."""

from __future__ import annotations

import pytest

from tests.config.kinds.istio import accepted, refused, warned
from xds.config.kinds.sidecar import KIND
from xds.model.gateways import (
    HostSelector,
    IstioEgressListener,
    IstioIngressListener,
    OutboundTrafficMode,
    Port,
    Sidecar,
    SidecarCaptureMode,
)
from xds.model.labels import Labels
from xds.model.objects import Origin
from xds.model.policy import ConnectionPoolSettings, TCPSettings
from xds.model.routing import Destination
from xds.model.server_tls import ServerCertificate, ServerTLSMode, ServerTLSSettings
from xds.model.services import Protocol

INGRESS = "ingress: [{port: {number: 9080, protocol: HTTP, name: http}, defaultEndpoint: '%s'}]"


def test_what_is_absent_is_derived() -> None:
    found = accepted(KIND, "{}")
    assert found == Sidecar(meta=found.meta)


def test_reads_a_sidecar() -> None:
    found = accepted(
        KIND,
        """\
        workloadSelector: {labels: {app: ratings}}
        outboundTrafficPolicy: {mode: REGISTRY_ONLY}
        egress:
        - port: {number: 9080, protocol: http, name: web}
          bind: 127.0.0.5
          captureMode: NONE
          hosts: [./reviews.bookinfo.svc.cluster.local]
        - hosts: ["./*", "*/*", "istio-system/*", "~/*"]
        ingress:
        - port: {number: 9080, protocol: HTTP, name: http}
          bind: 127.0.0.6
          captureMode: NONE
          defaultEndpoint: 127.0.0.1:8080
        """,
    )
    assert found == Sidecar(
        meta=found.meta,
        workload_selector=Labels({"app": "ratings"}),
        outbound_traffic_policy=OutboundTrafficMode.REGISTRY_ONLY,
        egress=(
            IstioEgressListener(
                hosts=(HostSelector("bookinfo", "reviews.bookinfo.svc.cluster.local"),),
                origin=Origin("it.yaml", 8),
                port=Port(9080, Protocol.HTTP, "web"),
                bind="127.0.0.5",
                capture_mode=SidecarCaptureMode.NONE,
            ),
            IstioEgressListener(
                hosts=(
                    HostSelector("bookinfo", "*"),
                    HostSelector("*", "*"),
                    HostSelector("istio-system", "*"),
                    HostSelector("~", "*"),
                ),
                origin=Origin("it.yaml", 12),
            ),
        ),
        ingress=(
            IstioIngressListener(
                port=Port(9080, Protocol.HTTP, "http"),
                default_endpoint="127.0.0.1:8080",
                origin=Origin("it.yaml", 14),
                bind="127.0.0.6",
                capture_mode=SidecarCaptureMode.NONE,
            ),
        ),
    )


@pytest.mark.parametrize(
    "endpoint",
    ["127.0.0.1:80", "[::1]:80", "0.0.0.0:65535", "[::]:1", "unix:///run/app.sock", "unix://@abstract"],
)
def test_reads_default_endpoints(endpoint: str) -> None:
    (listener,) = accepted(KIND, INGRESS % endpoint).ingress or ()
    assert listener.default_endpoint == endpoint


@pytest.mark.parametrize(
    "endpoint",
    [
        "127.0.0.1",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "10.0.0.1:80",
        "localhost:80",
        "unix://relative",
        "unix:///",
        ":80",
    ],
)
def test_refuses_other_default_endpoints(endpoint: str) -> None:
    assert refused(KIND, INGRESS % endpoint) == [(1, "spec.ingress[0].defaultEndpoint")]


def test_without_a_default_endpoint_the_proxy_decides() -> None:
    (listener,) = accepted(KIND, INGRESS % "").ingress or ()
    assert listener.default_endpoint == ""


def test_reads_connection_pools() -> None:
    text = """\
        ingress:
        - port: {number: 80, protocol: HTTP}
          connectionPool: {tcp: {maxConnections: 1}}
        inboundConnectionPool: {tcp: {maxConnections: 2}}
        """
    found = accepted(KIND, text)
    (listener,) = found.ingress or ()
    assert listener.connection_pool == ConnectionPoolSettings(tcp=TCPSettings(max_connections=1))
    assert found.inbound_connection_pool == ConnectionPoolSettings(tcp=TCPSettings(max_connections=2))


def test_reads_a_proxy_for_unknown_hosts() -> None:
    text = "outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: out, subset: v1, port: {number: 80}}}"
    assert accepted(KIND, text).egress_proxy == Destination("out.bookinfo.svc.cluster.local", "v1", 80)


@pytest.mark.parametrize(
    ("policy", "path"),
    [
        ("{mode: ALLOW_ANY, egressProxy: {host: out}}", "egressProxy.port"),
        ("{mode: ALLOW_ANY, egressProxy: {host: '*', port: {number: 80}}}", "egressProxy.host"),
        ("{mode: REGISTRY_ONLY, egressProxy: {host: out, port: {number: 80}}}", "egressProxy"),
        ("{egressProxy: {host: out, port: {number: 80}}}", "egressProxy"),
    ],
)
def test_refuses_a_proxy_for_unknown_hosts_that_cannot_be(policy: str, path: str) -> None:
    assert refused(KIND, f"outboundTrafficPolicy: {policy}") == [(1, f"spec.outboundTrafficPolicy.{path}")]


def test_an_outbound_policy_without_mode_is_registry_only() -> None:
    assert accepted(KIND, "outboundTrafficPolicy: {}").outbound_traffic_policy is OutboundTrafficMode.REGISTRY_ONLY


def test_an_egress_listener_may_be_a_unix_socket() -> None:
    text = "egress: [{port: {protocol: MONGO}, bind: 'unix:///run/db.sock', hosts: ['*/*']}]"
    (listener,) = accepted(KIND, text).egress or ()
    assert (listener.bind, listener.port) == ("unix:///run/db.sock", Port(0, Protocol.MONGO))


def test_refuses_wrong_egress() -> None:
    text = """\
        egress:
        - hosts: [reviews]
        - port: {number: 80, protocol: HTTP}
          hosts: []
        - port: {number: 80, protocol: HTTP}
          hosts: ["./*"]
        - port: {protocol: Carrier}
          hosts: [a/b/c]
        - hosts: ["*/*"]
          bind: nowhere
        """
    assert sorted(refused(KIND, text)) == [
        (2, "spec.egress[0]"),
        (2, "spec.egress[0].hosts[0]"),
        (4, "spec.egress[1].hosts"),
        (5, "spec.egress[2]"),
        (7, "spec.egress[3].port.number"),
        (7, "spec.egress[3].port.protocol"),
        (8, "spec.egress[3].hosts[0]"),
        (10, "spec.egress[4].bind"),
    ]


def test_refuses_wrong_ingress() -> None:
    text = """\
        ingress:
        - port: {number: 80, protocol: HTTP}
        - port: {number: 80, protocol: TCP}
        - port: {number: 81}
          bind: unix:///run/x.sock
        """
    assert sorted(refused(KIND, text)) == [
        (3, "spec.ingress[1]"),
        (4, "spec.ingress[2].port.protocol"),
        (5, "spec.ingress[2].bind"),
    ]


def test_reads_tls_of_an_ingress_listener() -> None:
    files = "serverCertificate: /c.pem, privateKey: /k.pem, caCertificates: /ca.pem"
    text = f"ingress: [{{port: {{number: 443, protocol: HTTPS}}, tls: {{mode: MUTUAL, {files}}}}}]"
    (listener,) = accepted(KIND, text).ingress or ()
    assert listener.tls == ServerTLSSettings(
        mode=ServerTLSMode.MUTUAL,
        certificates=(ServerCertificate("/c.pem", "/k.pem"),),
        ca_certificates="/ca.pem",
    )


@pytest.mark.parametrize(
    ("port", "tls", "paths"),
    [
        ("HTTP", "mode: SIMPLE, serverCertificate: /c, privateKey: /k", ["tls"]),
        ("HTTPS", "mode: SIMPLE", ["tls.privateKey", "tls.serverCertificate"]),
        ("HTTPS", "mode: SIMPLE, credentialName: secret", ["tls.credentialName"]),
        ("HTTPS", "mode: SIMPLE, serverCertificate: /c, privateKey: /k, httpsRedirect: true", ["tls.httpsRedirect"]),
        ("TLS", "mode: ISTIO_MUTUAL", ["tls.mode"]),
        ("TLS", "mode: AUTO_PASSTHROUGH", ["tls.mode"]),
    ],
)
def test_refuses_tls_that_is_for_gateways(port: str, tls: str, paths: list[str]) -> None:
    text = f"ingress: [{{port: {{number: 443, protocol: {port}}}, tls: {{{tls}}}}}]"
    assert sorted({path for _, path in refused(KIND, text)}) == [f"spec.ingress[0].{path}" for path in paths]


def test_warns_of_what_has_no_effect_yet() -> None:
    text = """\
        ingress:
        - port: {number: 80, protocol: HTTP}
          connectionPool: {http: {h2UpgradePolicy: UPGRADE}}
        """
    assert [(line, path) for line, path, _ in warned(KIND, text)[1]] == [
        (3, "spec.ingress[0].connectionPool.http.h2UpgradePolicy"),
    ]
