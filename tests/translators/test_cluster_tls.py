"""TLS origination by a DestinationRule."""

from __future__ import annotations

from dataclasses import replace

import pytest
from envoy_data_plane.envoy.config.cluster.v3 import Cluster
from envoy_data_plane.envoy.config.core.v3 import UpstreamHttpProtocolOptions
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import (
    CertificateValidationContext,
    UpstreamTlsContext,
)
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import SubjectAltNameMatcherSanType as SanType
from envoy_data_plane.envoy.extensions.upstreams.http.v3 import HttpProtocolOptions

from tests.translators import kit
from translators import clusters
from translators.cluster.http import HTTP_PROTOCOL_OPTIONS
from translators.cluster.tls import SYSTEM_ROOTS
from xds.model.labels import Labels
from xds.model.policy import ClientTLSSettings, TLSMode, TrafficPolicy
from xds.model.proxy import Proxy
from xds.model.services import Protocol
from xds.resources import SECRET, Resource

SIMPLE = ClientTLSSettings(TLSMode.SIMPLE)
SERVICE = kit.service_entry("api.example.com")


def translated(tls: ClientTLSSettings, names: tuple[str, ...] = (), protocol: Protocol = Protocol.HTTP) -> Cluster:
    service = replace(SERVICE, ports=(kit.port(80, protocol),), subject_alt_names=names)
    mesh = kit.mesh([service], rules=[kit.rule(service, TrafficPolicy(tls=tls))])
    found = kit.decoded_clusters(kit.resources(clusters.translate, kit.view(mesh)))
    return found["outbound|80||api.example.com"]


def context(cluster: Cluster) -> UpstreamTlsContext:
    assert cluster.transport_socket is not None
    assert cluster.transport_socket.name == "envoy.transport_sockets.tls"
    assert cluster.transport_socket.typed_config is not None
    return UpstreamTlsContext.parse(cluster.transport_socket.typed_config.value)


def validation(cluster: Cluster) -> CertificateValidationContext | None:
    common = context(cluster).common_tls_context
    assert common is not None
    return common.validation_context


def host_options(cluster: Cluster) -> UpstreamHttpProtocolOptions | None:
    packed = cluster.typed_extension_protocol_options.get(HTTP_PROTOCOL_OPTIONS)
    return HttpProtocolOptions.parse(packed.value).upstream_http_protocol_options if packed is not None else None


@pytest.mark.parametrize("mode", [TLSMode.DISABLE, TLSMode.ISTIO_MUTUAL])
def test_plain_text(mode: TLSMode) -> None:
    assert translated(ClientTLSSettings(mode)).transport_socket is None


def test_simple_verifies_against_the_systems_roots_by_the_requests_host() -> None:
    cluster = translated(SIMPLE)
    checks = validation(cluster)
    assert checks is not None
    assert checks.trusted_ca is not None
    assert checks.trusted_ca.filename == SYSTEM_ROOTS
    assert host_options(cluster) == UpstreamHttpProtocolOptions(auto_sni=True, auto_san_validation=True)


def test_names_that_are_given() -> None:
    names = ("api.example.com", "spiffe://cluster.local/ns/a/sa/b", "10.0.0.1")
    cluster = translated(
        replace(
            SIMPLE, sni="api.example.com", subject_alt_names=names, ca_certificates="/etc/ca.pem", ca_crl="/etc/crl.pem"
        )
    )
    checks = validation(cluster)
    assert checks is not None
    assert checks.trusted_ca is not None
    assert checks.trusted_ca.filename == "/etc/ca.pem"
    assert checks.crl is not None
    assert checks.crl.filename == "/etc/crl.pem"
    found = [(m.san_type, m.matcher.exact if m.matcher else None) for m in checks.match_typed_subject_alt_names]
    kinds = (SanType.DNS, SanType.URI, SanType.IP_ADDRESS)
    assert found == list(zip(kinds, names, strict=True))
    assert context(cluster).sni == "api.example.com"
    assert host_options(cluster) is None


def test_a_service_entry_names_its_certificates() -> None:
    cluster = translated(SIMPLE, ("other.example.com",))
    checks = validation(cluster)
    assert checks is not None
    (matcher,) = checks.match_typed_subject_alt_names
    assert matcher.matcher is not None
    assert matcher.matcher.exact == "other.example.com"
    assert host_options(cluster) == UpstreamHttpProtocolOptions(auto_sni=True)


def test_skipping_verification() -> None:
    cluster = translated(replace(SIMPLE, insecure_skip_verify=True))
    assert validation(cluster) is None
    assert host_options(cluster) == UpstreamHttpProtocolOptions(auto_sni=True)


def test_mutual_presents_a_certificate() -> None:
    mutual = ClientTLSSettings(TLSMode.MUTUAL, client_certificate="/etc/cert.pem", private_key="/etc/key.pem")
    common = context(translated(mutual)).common_tls_context
    assert common is not None
    (certificate,) = common.tls_certificates
    assert certificate.certificate_chain is not None
    assert certificate.private_key is not None
    assert certificate.certificate_chain.filename == "/etc/cert.pem"
    assert certificate.private_key.filename == "/etc/key.pem"


@pytest.mark.parametrize(("protocol", "alpn"), [(Protocol.HTTP, []), (Protocol.HTTP2, ["h2"])])
def test_alpn(protocol: Protocol, alpn: list[str]) -> None:
    common = context(translated(SIMPLE, protocol=protocol)).common_tls_context
    assert common is not None
    assert common.alpn_protocols == alpn


CREDENTIAL = ClientTLSSettings(TLSMode.MUTUAL, credential_name="c", subject_alt_names=("a.example.com",))


def of_credential(tls: ClientTLSSettings, proxy: Proxy, selector: Labels | None = None) -> tuple[Cluster, Resource]:
    """The cluster as it reads and as it is. selector: of the rule's workloads."""
    rule = replace(kit.rule(SERVICE, TrafficPolicy(tls=tls)), workload_selector=selector)
    found = kit.resources(clusters.translate, kit.view(kit.mesh([SERVICE], rules=[rule]), proxy))
    name = "outbound|80||api.example.com"
    return kit.decoded_clusters(found)[name], found[name]


def names(resource: Resource) -> set[str]:
    return {reference.name for reference in resource.references if reference.type_url == SECRET}


def test_a_gateway_asks_for_secrets() -> None:
    cluster, resource = of_credential(CREDENTIAL, kit.GATEWAY)
    common = context(cluster).common_tls_context
    assert common is not None
    (own,) = common.tls_certificate_sds_secret_configs
    combined = common.combined_validation_context
    assert combined is not None
    assert combined.default_validation_context is not None
    assert len(combined.default_validation_context.match_typed_subject_alt_names) == 1
    assert combined.validation_context_sds_secret_config is not None
    asked = {own.name, combined.validation_context_sds_secret_config.name}
    assert asked == names(resource) == {"kubernetes://c", "kubernetes://c-cacert"}


def test_one_side_needs_an_authority_only() -> None:
    assert names(of_credential(replace(CREDENTIAL, mode=TLSMode.SIMPLE), kit.GATEWAY)[1]) == {"kubernetes://c-cacert"}
    skipping = replace(CREDENTIAL, insecure_skip_verify=True, subject_alt_names=())
    cluster, resource = of_credential(skipping, kit.GATEWAY)
    assert names(resource) == {"kubernetes://c"}
    assert validation(cluster) is None


def test_a_name_with_a_scheme_stays() -> None:
    configmap = replace(CREDENTIAL, mode=TLSMode.SIMPLE, credential_name="configmap://c")
    assert names(of_credential(configmap, kit.GATEWAY)[1]) == {"configmap://c-cacert"}


def test_a_sidecar_asks_only_if_the_rule_is_for_its_workload() -> None:
    client = replace(kit.SIDECAR, labels=Labels({"app": "client"}))
    assert names(of_credential(CREDENTIAL, client, client.labels)[1]) == {"kubernetes://c", "kubernetes://c-cacert"}
    cluster, resource = of_credential(CREDENTIAL, client)
    assert cluster.transport_socket is None
    assert names(resource) == set()
