"""What a proxy may see: export, Sidecar scope, precedence of rules, instances, gateways."""

from __future__ import annotations

from dataclasses import replace

from xds.model.gateways import (
    Gateway,
    HostSelector,
    IstioEgressListener,
    IstioIngressListener,
    OutboundTrafficMode,
    Port,
    Server,
    Sidecar,
)
from xds.model.labels import Labels
from xds.model.mesh import EMPTY_MESH, Mesh
from xds.model.objects import ObjectKey, ObjectMeta, Origin
from xds.model.policy import DestinationRule, Subset, TrafficPolicy
from xds.model.proxy import CaptureMode, Proxy, ProxyType
from xds.model.routing import Destination, HTTPRoute, HTTPRouteDestination, VirtualService
from xds.model.services import Protocol, Service, ServiceInstance, ServicePort
from xds.model.view import ProxyView
from xds.pipeline import Memo, view_key, view_of

ORIGIN = Origin("mesh.yaml", 1)
HTTP = ServicePort(9080, "http", Protocol.HTTP)


def meta(kind: str, name: str, namespace: str = "default", created: float = 0) -> ObjectMeta:
    return ObjectMeta(ObjectKey(kind, namespace, name), ORIGIN, created=created)


def service(name: str, namespace: str = "default", *, export_to: tuple[str, ...] = ("*",), **more: object) -> Service:
    host = f"{name}.{namespace}.svc.cluster.local"
    return replace(Service(host, meta("Service", name, namespace), (HTTP,), export_to=export_to), **more)  # type: ignore[arg-type]  # the fields that a test names


def rule(
    name: str, host: str, namespace: str, *subsets: str, policy: TrafficPolicy | None = None, **more: object
) -> DestinationRule:
    made = DestinationRule(
        meta("DestinationRule", name, namespace), host, policy, tuple(Subset(s, ORIGIN) for s in subsets)
    )
    return replace(made, **more)  # type: ignore[arg-type]  # the fields that a test names


def virtual_service(name: str, *hosts: str, namespace: str = "default", to: str = "", **more: object) -> VirtualService:
    route = HTTPRoute(0, ORIGIN, route=(HTTPRouteDestination(Destination(to or hosts[0])),))
    return replace(VirtualService(meta("VirtualService", name, namespace), hosts, http=(route,)), **more)  # type: ignore[arg-type]  # the fields that a test names


def mesh(**parts: object) -> Mesh:
    return replace(EMPTY_MESH, **parts)  # type: ignore[arg-type]  # the parts that a test names


def proxy(namespace: str = "default", **more: object) -> Proxy:
    made = Proxy(
        "id",
        ProxyType.SIDECAR,
        "client",
        namespace,
        ("10.0.0.9",),
        f"{namespace}.svc.cluster.local",
        Labels({"app": "client"}),
    )
    return replace(made, **more)  # type: ignore[arg-type]  # the fields that a test names


def see(mesh: Mesh, proxy: Proxy) -> ProxyView:
    memo = Memo()
    return view_of(mesh, view_key(mesh, proxy, memo), memo)


def hosts(view: ProxyView) -> list[str]:
    return [visible.service.hostname.partition(".svc")[0] for visible in view.services]


def sidecar(namespace: str = "default", *egress: str, **more: object) -> Sidecar:
    selectors = tuple(HostSelector(*host.split("/")) for host in egress)
    listeners = (IstioEgressListener(selectors, ORIGIN),) if egress else None
    return replace(Sidecar(meta("Sidecar", "default", namespace), egress=listeners), **more)  # type: ignore[arg-type]  # the fields that a test names


def test_services_are_seen_where_they_are_exported_to() -> None:
    services = (
        service("a"),
        service("b", "other", export_to=("other",)),
        service("c", "other", export_to=("default",)),
    )
    assert hosts(see(mesh(services=services), proxy())) == ["a.default", "c.other"]


def test_of_two_services_with_one_host_the_own_namespace_wins_and_then_the_older() -> None:
    def entry(namespace: str, created: float) -> Service:
        return Service("api.example.com", meta("ServiceEntry", "api", namespace, created), (HTTP,))

    services = (entry("older", 1), entry("own", 3), entry("young", 2))
    assert see(mesh(services=services), proxy("own")).services[0].service.meta.namespace == "own"
    assert see(mesh(services=services), proxy("third")).services[0].service.meta.namespace == "older"


def test_a_sidecar_narrows_services_and_brings_the_targets_of_its_virtual_services() -> None:
    services = tuple(service(name) for name in ("details", "ratings", "reviews", "target"))
    routed = virtual_service("vs", "reviews.default.svc.cluster.local", to="target.default.svc.cluster.local")
    scope = sidecar("default", "default/reviews.default.svc.cluster.local")
    view = see(mesh(services=services, virtual_services=(routed,), sidecars={"default": (scope,)}), proxy())
    assert hosts(view) == ["reviews.default", "target.default"]


def test_the_sidecar_that_selects_the_workload_wins_then_the_namespaces_then_the_root_namespaces() -> None:
    selecting = sidecar("default", "a/*", workload_selector=Labels({"app": "client"}))
    default, root = sidecar("default", "b/*"), sidecar("istio-system", "c/*")
    everything = mesh(sidecars={"default": (default, selecting), "istio-system": (root,)})
    assert see(everything, proxy()).sidecar is selecting
    assert see(everything, proxy(labels=Labels())).sidecar is default
    assert see(everything, proxy("elsewhere")).sidecar is root


def test_the_sidecars_outbound_policy_beats_the_meshs() -> None:
    closed = sidecar("default", outbound_traffic_policy=OutboundTrafficMode.REGISTRY_ONLY)
    view = see(mesh(sidecars={"default": (closed,)}), proxy())
    assert view.outbound_traffic_policy is OutboundTrafficMode.REGISTRY_ONLY
    assert see(mesh(), proxy()).outbound_traffic_policy is OutboundTrafficMode.ALLOW_ANY


def rule_names(view: ProxyView) -> list[str]:
    effective = view.services[0].rule
    return [] if effective is None else [source.name for source in effective.sources]


def test_rules_are_looked_up_in_the_clients_then_the_services_then_the_root_namespace() -> None:
    host = "a.server.svc.cluster.local"
    rules = {
        "client": (rule("client", host, "client"),),
        "server": (rule("server", host, "server"),),
        "istio-system": (rule("root", host, "istio-system"),),
    }
    found = []
    for _ in range(4):
        found.append(
            rule_names(see(mesh(services=(service("a", "server"),), destination_rules=rules), proxy("client")))
        )
        if rules:
            rules = dict(list(rules.items())[1:])
    assert found == [["client"], ["server"], ["root"], []]


def test_the_most_specific_host_wins_and_hidden_rules_do_not_count() -> None:
    rules: dict[str, tuple[DestinationRule, ...]] = {
        "server": (
            rule("hidden", "a.server.svc.cluster.local", "server", export_to=("server",)),
            rule("wide", "*.local", "server"),
            rule("narrow", "*.svc.cluster.local", "server"),
        )
    }
    everything = mesh(services=(service("a", "server"),), destination_rules=rules)
    assert rule_names(see(everything, proxy("server"))) == ["hidden"]
    rules["server"] = (rule("wide", "*.local", "server"), rule("narrow", "*.svc.cluster.local", "server"))
    assert rule_names(see(mesh(services=(service("a", "server"),), destination_rules=rules), proxy("client"))) == [
        "narrow"
    ]


def test_no_entry_takes_the_name_of_a_service_of_another_namespace() -> None:
    real = replace(service("a"), meta=meta("Service", "a", created=2))
    taking = replace(real, meta=meta("ServiceEntry", "taking", "evil", created=1))
    known = mesh(services=(real, taking))
    assert [found.service for found in see(known, proxy("default")).services] == [real]
    assert [found.service for found in see(known, proxy("other")).services] == [real]
    assert [found.service for found in see(known, proxy("evil")).services] == [taking]


def test_rules_for_one_host_merge_subsets_and_keep_the_oldest_policy() -> None:
    host, old, young = "a.default.svc.cluster.local", TrafficPolicy(), TrafficPolicy()
    rules = (
        rule("first", host, "default", "v1"),
        rule("second", host, "default", "v1", "v2", policy=old),
        rule("third", host, "default", "v3", policy=young),
    )
    effective = see(mesh(services=(service("a"),), destination_rules={"default": rules}), proxy()).services[0].rule
    assert effective is not None
    assert effective.traffic_policy is old
    assert [subset.name for subset in effective.subsets] == ["v1", "v2", "v3"]
    assert [source.name for source in effective.sources] == ["second", "first", "third"]


def test_a_workload_selector_counts_for_the_workloads_of_its_namespace() -> None:
    rules = {
        "default": (
            rule("selected", "a.default.svc.cluster.local", "default", workload_selector=Labels({"app": "client"})),
        )
    }
    everything = mesh(services=(service("a"),), destination_rules=rules)
    assert rule_names(see(everything, proxy())) == ["selected"]
    assert rule_names(see(everything, proxy(labels=Labels({"app": "else"})))) == []
    assert rule_names(see(everything, proxy("elsewhere"))) == []


def test_virtual_services_never_merge_at_sidecars_and_the_most_specific_host_routes() -> None:
    oldest = virtual_service("oldest", "a.default.svc.cluster.local", "b.default.svc.cluster.local")
    younger = virtual_service("younger", "a.default.svc.cluster.local")
    wide, narrow = virtual_service("wide", "*.local"), virtual_service("narrow", "*.svc.cluster.local")
    at_gateway = virtual_service("gateway", "c.default.svc.cluster.local", gateways=("default/gw",))
    hidden = virtual_service("hidden", "d.default.svc.cluster.local", namespace="other", export_to=("other",))
    routed = see(mesh(virtual_services=(oldest, younger, wide, narrow, at_gateway, hidden)), proxy()).egress[0].routed
    assert routed.find("a.default.svc.cluster.local") is oldest
    assert routed.find("c.default.svc.cluster.local") is narrow
    assert routed.find("d.default.svc.cluster.local") is narrow
    assert routed.find("plain.local") is wide
    assert routed.find("example.com") is None


def instance(name: str, target: int) -> ServiceInstance:
    return ServiceInstance(service(name).key, HTTP, target)


def test_inbound_ports_come_from_the_services_of_the_workloads_address() -> None:
    everything = mesh(
        services=(service("a"), service("b")),
        instances={"10.0.0.9": (instance("a", 8080), instance("b", 8080), instance("a", 7070))},
    )
    view = see(everything, proxy())
    assert [(i.target_port, i.service.name if i.service else "") for i in view.inbound] == [(7070, "a"), (8080, "a")]


def test_a_proxy_whose_workload_is_not_registered_yet_is_known_by_its_labels() -> None:
    selected = service("a", selector=Labels({"app": "client"}))
    selected = replace(selected, ports=(replace(HTTP, target=8080),))
    everything = mesh(
        services=(selected, service("b", selector=Labels()), service("c", "other", selector=Labels({"app": "client"})))
    )
    assert [i.target_port for i in see(everything, proxy()).inbound] == [8080]


def test_without_capture_only_a_sidecar_says_where_the_workload_listens() -> None:
    ingress = IstioIngressListener(Port(9080, Protocol.HTTP, "http"), "127.0.0.1:19080", ORIGIN)
    explicit = proxy(capture=CaptureMode.NONE, ip_addresses=("127.1.0.3",))
    instances = {"127.1.0.3": (instance("a", 9080),)}
    services = (service("a"),)
    assert see(mesh(services=services, instances=instances), explicit).inbound == ()
    sidecars = {"default": (sidecar("default", ingress=(ingress,)),)}
    (inbound,) = see(mesh(services=services, instances=instances, sidecars=sidecars), explicit).inbound
    assert (inbound.bind, inbound.default_endpoint, inbound.service) == ("127.1.0.3", "127.0.0.1:19080", services[0])


def gateway(name: str, port: int, *server_hosts: str, selector: Labels) -> Gateway:
    selectors = tuple(HostSelector(*host.split("/")) for host in server_hosts)
    return Gateway(meta("Gateway", name), selector, (Server(Port(port, Protocol.HTTP), selectors, ORIGIN),))


def test_a_gateway_runs_the_servers_that_select_it_with_the_routes_bound_to_them() -> None:
    ingress = Labels({"istio": "ingressgateway"})
    gateways = (
        gateway("one", 8080, "*/*.example.com", selector=ingress),
        gateway("two", 8080, "other/*", selector=Labels()),
        gateway("not", 9090, "*/*", selector=Labels({"istio": "egressgateway"})),
    )
    bound = virtual_service("bound", "shop.example.com", gateways=("default/one", "default/two"))
    elsewhere = virtual_service("elsewhere", "shop.example.org", gateways=("default/one",))
    view = see(
        mesh(gateways=gateways, virtual_services=(bound, elsewhere), services=(service("a"),)),
        proxy(type=ProxyType.ROUTER, labels=ingress),
    )
    (port,) = view.gateway
    assert [(s.gateway.meta.name, [vs.meta.name for vs in s.virtual_services]) for s in port.servers] == [
        ("one", ["bound"]),
        ("two", []),
    ]
    assert hosts(view) == ["a.default"]
    assert (view.egress, view.inbound) == ((), ())


def test_unchanged_parts_of_a_view_keep_their_identity() -> None:
    memo = Memo()
    before = mesh(services=(service("a"), service("b")), virtual_services=(virtual_service("vs", "a"),))
    key = view_key(before, proxy(), memo)
    old = view_of(before, key, memo)
    after = replace(before, endpoints={})
    new = view_of(after, key, memo)
    assert new.services is old.services
    assert new.egress is old.egress
    renewed = replace(before, virtual_services=(virtual_service("vs", "b"),))
    third = view_of(renewed, key, memo)
    assert third.egress is not old.egress
    assert third.services is old.services


def test_digests_tell_views_apart_and_nothing_else() -> None:
    one, same = see(mesh(), proxy()), see(mesh(), proxy(id="other", ip_addresses=("10.0.0.8",)))
    assert one.digest == same.digest
    assert one.digest != see(mesh(), proxy("elsewhere")).digest
