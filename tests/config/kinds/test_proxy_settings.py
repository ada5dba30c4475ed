"""The configuration of proxies: connections, headers, and what a Pod says of its own."""

from __future__ import annotations

from datetime import timedelta

import pytest

from xds.config.kinds.kind import Context
from xds.config.kinds.mesh_config import parse_mesh_config
from xds.config.kinds.pod import parse
from xds.config.yaml import parse_documents
from xds.model.labels import Labels
from xds.model.proxy_settings import (
    EDGE,
    ClientCertDetails,
    ConnectionSettings,
    ProxyDefaults,
    ProxyHeaders,
    ProxyOverride,
)


def mesh(text: str) -> ProxyDefaults:
    settings, found = parse_mesh_config(f"defaultConfig: {text}", "mesh.yaml")
    assert not found, found
    return settings.proxy


def annotated(text: str) -> tuple[ProxyOverride | None, list[str]]:
    """What the Pod with this annotation says, and what is said about it."""
    indented = text.replace("\n", "\n      ")
    document = (
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  annotations:\n    proxy.istio.io/config: |\n"
        f"      {indented}\nstatus: {{podIP: 10.0.0.1}}\n"
    )
    workload, found = parse(parse_documents(document, "pod.yaml").objects[0], Context())
    assert workload is not None
    assert {(each.severity.value, each.origin.line) for each in found} <= {("warning", 6)}
    return workload.proxy, [each.reason for each in found]


def test_the_edge_profile_fills_what_is_unset_at_gateways() -> None:
    given = mesh("{connectionSettings: {profile: EDGE, httpMaxConcurrentStreams: 7}}").connections
    assert given == ConnectionSettings(edge=True, max_concurrent_streams=7)
    assert given.of_gateway.max_concurrent_streams == 7
    assert given.of_gateway.idle_timeout == EDGE.idle_timeout == timedelta(hours=1)
    assert given.of_gateway.max_stream_duration is None


def test_without_the_profile_nothing_is_filled() -> None:
    given = mesh("{connectionSettings: {httpMaxConcurrentStreams: 7}}").connections
    assert given.of_gateway is given


def test_unspecified_actions_are_unset() -> None:
    actions = (
        "httpHeadersWithUnderscoresAction: HEADERS_WITH_UNDERSCORES_UNSPECIFIED, "
        "httpPathWithEscapedSlashesAction: PATH_WITH_ESCAPED_SLASHES_UNSPECIFIED"
    )
    assert mesh(f"{{connectionSettings: {{{actions}}}}}") == ProxyDefaults()


@pytest.mark.parametrize(
    "field",
    ["http2InitialStreamWindowSize: 65534", "listenerConnectionLimit: 0", "httpIdleTimeout: -1s"],
)
def test_what_envoy_does_not_take_is_an_error(field: str) -> None:
    _, found = parse_mesh_config(f"defaultConfig: {{connectionSettings: {{{field}}}}}", "mesh.yaml")
    assert [(each.severity.value, each.path) for each in found] == [
        ("error", f"defaultConfig.connectionSettings.{field.partition(':')[0]}")
    ]


def test_details_of_a_certificate_have_istios_defaults() -> None:
    assert mesh("{proxyHeaders: {setCurrentClientCertDetails: {chain: true}}}").headers.client_cert == (
        ClientCertDetails(subject=True, cert=False, chain=True, dns=True, uri=True)
    )


def test_a_pod_replaces_blocks_and_merges_headers_and_metadata() -> None:
    override, found = annotated(
        "connectionSettings: {httpIdleTimeout: 1s}\n"
        "proxyMetadata: {ISTIO_META_A: pod}\n"
        "proxyHeaders: {server: {value: own}}"
    )
    assert override is not None
    assert not found
    defaults = ProxyDefaults(
        trusted_proxies=2,
        metadata=Labels({"A": "mesh", "B": "mesh"}),
        connections=ConnectionSettings(drain_timeout=timedelta(seconds=1)),
        headers=ProxyHeaders(request_id=False, server="mesh"),
    )
    assert override.over(defaults) == ProxyDefaults(
        trusted_proxies=2,
        metadata=Labels({"A": "pod", "B": "mesh"}),
        connections=ConnectionSettings(idle_timeout=timedelta(seconds=1)),
        headers=ProxyHeaders(request_id=False, server="own"),
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("serviceClusters: a", "serviceClusters: unknown field"),
        ("serviceCluster: [a]", "serviceCluster: must be a string"),
        ("statsdUdpAddress: a", "statsdUdpAddress: 'a' is not IP:PORT"),
        ("- a", "must be a mapping of fields"),
    ],
)
def test_a_mistake_costs_the_annotation_and_not_the_pod(text: str, reason: str) -> None:
    override, (told,) = annotated(text)
    assert override is None
    assert told.startswith(reason)
    assert told.endswith("the annotation is left out")


def test_what_has_no_effect_is_told_and_the_rest_holds() -> None:
    override, (told,) = annotated("concurrency: 2\nserviceCluster: a")
    assert override is not None
    assert override.over(ProxyDefaults()).service_cluster == "a"
    assert told == "concurrency: not honoured yet: this field has no effect"
