"""VirtualService: hosts, gateways, visibility, and rules for connections."""

from __future__ import annotations

import pytest

from tests.config.kinds.istio import accepted, refused
from xds.config.kinds.virtual_service import KIND
from xds.model.labels import Labels
from xds.model.objects import Origin
from xds.model.routing import Destination, L4MatchAttributes, L4Route, RouteDestination

ROUTE = "http: [{route: [{destination: {host: reviews}}]}]"


def test_completes_hosts_with_the_namespace_of_the_object() -> None:
    hosts = "[reviews, Ratings.Default.svc.cluster.local, '*.example.com', 10.1.2.3, 'fd00::1']"
    service = accepted(KIND, f"hosts: {hosts}\n{ROUTE}")
    assert service.hosts == (
        "reviews.bookinfo.svc.cluster.local",
        "ratings.default.svc.cluster.local",
        "*.example.com",
        "10.1.2.3",
        "fd00::1",
    )
    assert service.http[0].route[0].destination == Destination("reviews.bookinfo.svc.cluster.local")


def test_defaults_to_the_mesh_and_to_every_namespace() -> None:
    service = accepted(KIND, f"hosts: [reviews]\n{ROUTE}")
    assert service.gateways == ("mesh",)
    assert service.export_to == ("*",)
    assert service.meta.name == "it"


@pytest.mark.parametrize(
    ("written", "resolved"),
    [
        ("front", "bookinfo/front"),
        ("./front", "bookinfo/front"),
        ("istio-system/front", "istio-system/front"),
        ("front.istio-system", "istio-system/front"),
        ("front.istio-system.svc.cluster.local", "istio-system/front"),
        ("mesh", "mesh"),
    ],
)
def test_resolves_gateways(written: str, resolved: str) -> None:
    assert accepted(KIND, f"hosts: [a.example.com]\ngateways: [{written}]\n{ROUTE}").gateways == (resolved,)


@pytest.mark.parametrize("written", ["a/b/c", "/a", "a/", "''"])
def test_refuses_what_is_no_gateway(written: str) -> None:
    assert refused(KIND, f"hosts: [a]\ngateways:\n- mesh\n- {written}\n{ROUTE}") == [(4, "spec.gateways[1]")]


def test_resolves_export_to() -> None:
    assert accepted(KIND, f"hosts: [a]\nexportTo: [., other, bookinfo]\n{ROUTE}").export_to == ("bookinfo", "other")
    assert accepted(KIND, f"hosts: [a]\nexportTo: ['~']\n{ROUTE}").export_to == ("~",)
    assert refused(KIND, f"hosts: [a]\nexportTo: [No_Name]\n{ROUTE}") == [(2, "spec.exportTo[0]")]


def test_refuses_a_host_twice_even_if_written_differently() -> None:
    spec = f"hosts:\n- reviews\n- reviews.bookinfo.svc.cluster.local\n{ROUTE}"
    assert refused(KIND, spec) == [(3, "spec.hosts[1]")]


def test_every_host_is_only_for_gateways() -> None:
    assert refused(KIND, f"hosts: ['*']\n{ROUTE}") == [(1, "spec.hosts[0]")]
    assert accepted(KIND, f"hosts: ['*']\ngateways: [front]\n{ROUTE}").hosts == ("*",)


def test_refuses_what_is_no_host() -> None:
    assert refused(KIND, f"hosts: ['not a host']\n{ROUTE}") == [(1, "spec.hosts[0]")]


def test_without_hosts_it_is_only_for_delegation() -> None:
    assert accepted(KIND, ROUTE).hosts == ()


def test_a_delegate_has_http_rules_only_and_does_not_delegate() -> None:
    assert refused(KIND, f"gateways: [front]\n{ROUTE}") == [(1, "spec.gateways")]
    assert refused(KIND, "http:\n- delegate: {name: other}") == [(2, "spec.http[0].delegate")]


def test_needs_a_rule() -> None:
    assert refused(KIND, "hosts: [a]") == [(0, "spec")]


def test_reads_tcp_rules() -> None:
    service = accepted(
        KIND,
        """\
        hosts: [db]
        gateways: [mesh, front]
        tcp:
        - match:
          - port: 27017
            destinationSubnets: [10.0.0.0/8, 192.168.1.1]
            sourceLabels: {app: web}
            sourceNamespace: shop
            gateways: [front]
          route:
          - destination: {host: db, subset: v1, port: {number: 5555}}
            weight: 25
          - destination: {host: db.other.svc.cluster.local}
            weight: 75
        - route:
          - destination: {host: db}
        """,
    )
    here = "db.bookinfo.svc.cluster.local"
    assert service.tcp == (
        L4Route(
            index=0,
            origin=Origin("it.yaml", 8),
            match=(
                L4MatchAttributes(
                    destination_subnets=("10.0.0.0/8", "192.168.1.1/32"),
                    port=27017,
                    source_labels=Labels({"app": "web"}),
                    source_namespace="shop",
                    gateways=("bookinfo/front",),
                ),
            ),
            route=(
                RouteDestination(Destination(here, "v1", 5555), 25),
                RouteDestination(Destination("db.other.svc.cluster.local"), 75),
            ),
        ),
        L4Route(index=1, origin=Origin("it.yaml", 19), route=(RouteDestination(Destination(here), 100),)),
    )


def test_refuses_wrong_tcp_rules() -> None:
    spec = """\
        hosts: [db]
        tcp:
        - match:
          - port: 0
            destinationSubnets: [nowhere]
          route:
          - destination: {host: db}
            weight: -1
          - destination: {host: db}
        - match: []
        """
    assert sorted(refused(KIND, spec)) == [
        (4, "spec.tcp[0].match[0].port"),
        (5, "spec.tcp[0].match[0].destinationSubnets[0]"),
        (8, "spec.tcp[0].route[0].weight"),
        (10, "spec.tcp[1].route"),
    ]


def test_reads_the_source_subnet() -> None:
    spec = "hosts: [db]\ntcp:\n- match: [{sourceSubnet: 10.1.2.3/8}]\n  route: [{destination: {host: db}}]"
    assert accepted(KIND, spec).tcp[0].match[0].source_subnet == "10.0.0.0/8"
    assert refused(KIND, spec.replace("10.1.2.3/8", "near")) == [(3, "spec.tcp[0].match[0].sourceSubnet")]


def test_reads_tls_rules() -> None:
    service = accepted(
        KIND,
        """\
        hosts: ["*.example.com", bank]
        tls:
        - match:
          - sniHosts: [login.example.com, "*.a.example.com", bank]
            port: 443
          route:
          - destination: {host: login}
        """,
    )
    (route,) = service.tls
    assert route.match == (L4MatchAttributes(sni_hosts=("login.example.com", "*.a.example.com", "bank"), port=443),)
    assert route.route == (RouteDestination(Destination("login.bookinfo.svc.cluster.local"), 100),)


def test_sni_hosts_must_be_those_of_the_object() -> None:
    spec = """\
        hosts: ["*.example.com"]
        tls:
        - match:
          - sniHosts: [a.example.com, example.org]
          - sniHosts: []
          route: [{destination: {host: login}}]
        - match: []
          route: [{destination: {host: login}}]
        """
    assert refused(KIND, spec) == [
        (4, "spec.tls[0].match[0].sniHosts[1]"),
        (5, "spec.tls[0].match[1].sniHosts"),
        (7, "spec.tls[1].match"),
    ]
