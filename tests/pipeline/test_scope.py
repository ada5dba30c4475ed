"""What a Sidecar's egress hosts leave of the mesh, and what a proxy with a narrow scope does not notice."""

from __future__ import annotations

from dataclasses import replace

from tests.pipeline.test_view import (
    HTTP,
    ORIGIN,
    hosts,
    mesh,
    meta,
    proxy,
    rule,
    see,
    service,
    sidecar,
    virtual_service,
)
from xds.model.gateways import (
    HostSelector,
    IstioEgressListener,
    IstioIngressListener,
    Port,
    Sidecar,
    SidecarCaptureMode,
)
from xds.model.policy import ConnectionPoolSettings, TCPSettings, TrafficPolicy
from xds.model.proxy import CaptureMode
from xds.model.routing import Destination, HTTPMatchRequest, HTTPRoute, HTTPRouteDestination, VirtualService
from xds.model.services import Protocol, Service, ServiceInstance, ServicePort
from xds.model.view import EgressListener, ProxyView
from xds.pipeline import Memo, view_key, view_of

ADMIN = ServicePort(9090, "http-admin", Protocol.HTTP)
A, B, TARGET = (f"{name}.default.svc.cluster.local" for name in ("a", "b", "target"))


def egress(*selectors: str, port: int = 0) -> IstioEgressListener:
    found = tuple(HostSelector(*each.split("/")) for each in selectors)
    return IstioEgressListener(found, ORIGIN, Port(port, Protocol.HTTP) if port else None)


def scoped(*listeners: IstioEgressListener, **more: object) -> dict[str, tuple[Sidecar, ...]]:
    return {"default": (sidecar("default", egress=listeners, **more),)}


def called(listener: EgressListener) -> list[str]:
    return [visible.service.hostname.partition(".svc")[0] for visible in listener.services]


def ports(view: ProxyView) -> dict[str, list[int]]:
    return {v.service.name: [port.number for port in v.service.ports] for v in view.services}


def test_what_a_virtual_service_brings_has_clusters_and_cannot_be_called_itself() -> None:
    services = tuple(service(name) for name in ("a", "b", "target"))
    routed = virtual_service("vs", A, to=TARGET)
    view = see(mesh(services=services, virtual_services=(routed,), sidecars=scoped(egress(f"default/{A}"))), proxy())
    assert hosts(view) == ["a.default", "target.default"]
    assert called(view.egress[0]) == ["a.default"]


def test_a_virtual_service_brings_the_ports_that_it_names() -> None:
    services = (service("a"), service("target", ports=(HTTP, ADMIN)))
    named = HTTPRoute(0, ORIGIN, route=(HTTPRouteDestination(Destination(TARGET, port=9090)),))
    routed = virtual_service("vs", A, http=(named,))
    everything = mesh(services=services, virtual_services=(routed,), sidecars=scoped(egress(f"default/{A}")))
    assert ports(see(everything, proxy())) == {"a": [9080], "target": [9090]}


def test_a_rule_for_clients_of_other_namespaces_brings_nothing() -> None:
    services = (service("a"), service("target"))
    match = HTTPMatchRequest(source_namespace="elsewhere")
    rules = HTTPRoute(0, ORIGIN, match=(match,), route=(HTTPRouteDestination(Destination(TARGET)),))
    routed = virtual_service("vs", A, http=(rules,))
    everything = mesh(services=services, virtual_services=(routed,), sidecars=scoped(egress(f"default/{A}")))
    assert hosts(see(everything, proxy())) == ["a.default"]


def test_a_listener_with_a_port_has_that_port_of_its_services() -> None:
    services = (service("a", ports=(HTTP, ADMIN)), service("b"))
    view = see(mesh(services=services, sidecars=scoped(egress("default/*", port=9090))), proxy())
    assert ports(view) == {"a": [9090]}


def test_the_ports_of_several_listeners_unite() -> None:
    services = (service("a", ports=(HTTP, ADMIN)), service("b"))
    listeners = (egress("default/*", port=9090), egress(f"default/{A}", port=9080))
    assert ports(see(mesh(services=services, sidecars=scoped(*listeners)), proxy())) == {"a": [9080, 9090]}


def test_of_two_services_with_one_host_the_scope_chooses_before_age() -> None:
    def entry(namespace: str, created: float) -> Service:
        return Service("api.example.com", meta("ServiceEntry", "api", namespace, created), (HTTP,))

    everything = mesh(services=(entry("old", 1), entry("young", 2)), sidecars=scoped(egress("young/*")))
    assert [v.service.meta.namespace for v in see(everything, proxy()).services] == ["young"]


def test_a_wildcard_service_is_in_scope_as_a_whole_or_not_at_all() -> None:
    wild = Service("*.example.com", meta("ServiceEntry", "wild"), (HTTP,))
    inside, part = scoped(egress("*/*.example.com")), scoped(egress("*/a.example.com"))
    assert [len(see(mesh(services=(wild,), sidecars=each), proxy()).services) for each in (inside, part)] == [1, 0]


def test_no_namespace_means_nothing() -> None:
    view = see(mesh(services=(service("a"),), sidecars=scoped(egress("~/*"))), proxy())
    assert (view.services, len(view.egress)) == ((), 1)


def test_the_proxy_for_unknown_hosts_has_a_cluster() -> None:
    services = (service("a"), service("out", ports=(HTTP, ADMIN)))
    out = Destination("out.default.svc.cluster.local", port=9090)
    view = see(mesh(services=services, sidecars=scoped(egress(f"default/{A}"), egress_proxy=out)), proxy())
    assert (ports(view), called(view.egress[0])) == ({"a": [9080], "out": [9090]}, ["a.default"])


def test_what_is_out_of_scope_changes_unnoticed() -> None:
    memo = Memo()
    routes: tuple[VirtualService, ...] = (virtual_service("vs", A, to=TARGET),)
    before = mesh(
        services=tuple(service(name) for name in ("a", "b", "target")),
        virtual_services=routes,
        destination_rules={"default": (rule("a", A, "default"),)},
        sidecars=scoped(egress(f"default/{A}"), egress("default/nothing")),
    )
    key = view_key(before, proxy(), memo)
    old = view_of(before, key, memo)
    after = replace(
        before,
        services=(*before.services, service("c")),
        virtual_services=(*routes, virtual_service("other", B)),
        destination_rules={"default": (*before.destination_rules["default"], rule("b", B, "default"))},
    )
    new = view_of(after, key, memo)
    assert new.without_endpoints is old.without_endpoints


def test_a_destination_rule_holds_for_the_workload_itself_until_its_sidecar_says_otherwise() -> None:
    def pool(connections: int) -> ConnectionPoolSettings:
        return ConnectionPoolSettings(tcp=TCPSettings(max_connections=connections))

    everything = mesh(
        services=(service("a"), service("b")),
        instances={"10.0.0.9": (ServiceInstance(service("a").key, HTTP, 8080),)},
        destination_rules={"default": (rule("a", A, "default", policy=TrafficPolicy(connection_pool=pool(1))),)},
    )
    (inbound,) = see(everything, proxy()).inbound
    assert inbound.rule is not None
    assert inbound.rule.traffic_policy is not None
    assert (inbound.pool, inbound.rule.traffic_policy.connection_pool) == (None, pool(1))
    limited = {"default": (sidecar("default", inbound_connection_pool=pool(2)),)}
    (inbound,) = see(replace(everything, sidecars=limited), proxy()).inbound
    assert inbound.pool == pool(2)


def test_ingress_of_a_captured_workload_is_bound_only_if_it_asks_for_it() -> None:
    port = Port(9080, Protocol.HTTP)
    listeners = (
        IstioIngressListener(port, "", ORIGIN, bind="10.0.0.9"),
        IstioIngressListener(port, "", ORIGIN, capture_mode=SidecarCaptureMode.NONE),
        IstioIngressListener(port, "", ORIGIN, bind="10.0.0.9", capture_mode=SidecarCaptureMode.NONE),
    )
    view = see(mesh(sidecars={"default": (sidecar("default", ingress=listeners),)}), proxy())
    assert [(each.bind, each.default_endpoint) for each in view.inbound] == [
        ("", ""),
        ("0.0.0.0", "127.0.0.1:9080"),  # noqa: S104 - what the model says; nothing binds here
        ("10.0.0.9", "127.0.0.1:9080"),
    ]
    explicit = proxy(capture=CaptureMode.NONE, ip_addresses=("127.1.0.3",))
    view = see(mesh(sidecars={"default": (sidecar("default", ingress=listeners[:1]),)}), explicit)
    assert [(each.bind, each.default_endpoint) for each in view.inbound] == [("10.0.0.9", "127.0.0.1:9080")]
