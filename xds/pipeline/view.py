"""What one proxy may see: Mesh + Proxy -> ProxyView."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from dataclasses import replace
from functools import lru_cache

from xds.model.authorization import AuthorizationPolicy, Authorizer
from xds.model.credentials import Credentials
from xds.model.envoy_filters import ConfigPatch
from xds.model.extensions import ProxyExtension
from xds.model.gateway_ports import ListeningPort
from xds.model.gateways import OutboundTrafficMode, Sidecar
from xds.model.labels import Labels
from xds.model.mesh import Mesh
from xds.model.peer_authentication import PeerModes, PeerPolicies, peer_policies
from xds.model.proxy import CaptureMode, IpVersions, Proxy, ProxyType
from xds.model.request_authentication import ProxyJwtRule
from xds.model.routing import VirtualService
from xds.model.services import UNKNOWN_LOCALITY, Locality, Service, ServiceInstance
from xds.model.settings import MeshSettings
from xds.model.sharded import Sharded, sharded
from xds.model.view import EgressListener, GatewayPort, InboundListener, ProxyView, ViewKey, VisibleService
from xds.pipeline import rules
from xds.pipeline.authorization import authorization_of
from xds.pipeline.automatic import automatic_addresses, with_automatic_addresses
from xds.pipeline.credentials import credentials_for
from xds.pipeline.extensions import extensions_of
from xds.pipeline.inbound import inbound
from xds.pipeline.locality import counts
from xds.pipeline.memo import Memo
from xds.pipeline.overrides import override_of, settings_for
from xds.pipeline.providers import authorizers_of, provider_services, with_providers
from xds.pipeline.request_authentication import jwt_rules_of
from xds.pipeline.rules import RulesByNamespace
from xds.pipeline.scope import scoped
from xds.pipeline.selection import conditions_met, selected_patches
from xds.pipeline.servers import gateway_ports, listening_ports
from xds.pipeline.visible import mesh_virtual_services, routed_hosts, services_seen_from


def view_key(mesh: Mesh, proxy: Proxy, memo: Memo) -> ViewKey:
    """Everything about ``proxy`` that its resources can depend on.

    Asked for every proxy at every change: what of it takes time stays in ``memo`` until it is released for the key.
    """
    key = ViewKey(
        type=proxy.type,
        namespace=proxy.namespace,
        dns_domain=proxy.dns_domain,
        labels=_same(proxy.labels),
        capture=proxy.capture,
        bind_ip=proxy.ip_addresses[0] if proxy.capture is CaptureMode.NONE else "",
        instances=instances_of(mesh, proxy),
        locality=UNKNOWN_LOCALITY,
        network=proxy.network,
        proxyless=proxy.proxyless,
        self_discovery=proxy.self_discovery,
        overheard=proxy.overheard,
        override=override_of(mesh, proxy.ip_addresses),
        automatic=proxy.ip_versions if proxy.dns_capture else IpVersions.NONE,
        mtls=proxy.identity is not None and not proxy.proxyless,
        ipv6=any(":" in address for address in proxy.ip_addresses),  # asked too often to parse them
        from_agent=proxy.sds_from_agent and proxy.identity is not None,
    )
    if mesh.envoy_filters:
        root = mesh.settings.root_namespace
        key = replace(key, conditions=conditions_met(mesh.envoy_filters, root, proxy, key.labels, memo))
    locality = locality_of(mesh, proxy)
    if not any(locality):
        return key
    inputs = (mesh.services, mesh.destination_rules, mesh.settings, key.namespace, key.labels, memo)
    return replace(key, locality=locality) if memo.keep(owner(key), _depends_on_locality, *inputs) else key


def key_inputs(mesh: Mesh) -> tuple[object, ...]:
    """All of the Mesh that `view_key` looks at: while these are the same objects, so is every proxy's key."""
    return mesh.services, mesh.instances, mesh.destination_rules, mesh.workloads, mesh.settings, mesh.envoy_filters


def owner(key: ViewKey) -> Hashable:
    """By what name the memo keeps what `view_key` asks for."""
    return "locality", key.namespace, key.labels


@lru_cache(maxsize=4096)
def _same(labels: Labels) -> Labels:
    """The same object for equal labels, as the memo tells them apart by identity."""
    return labels


def _depends_on_locality(
    services: tuple[Service, ...],
    destination_rules: RulesByNamespace,
    settings: MeshSettings,
    namespace: str,
    labels: Labels,
    memo: Memo,
) -> bool:
    visible = _all_services(services, destination_rules, settings, namespace, labels, memo)
    return counts(visible, settings.locality, memo)


def locality_of(mesh: Mesh, proxy: Proxy) -> Locality:
    """Where the proxy says that it runs, or else where its workload is registered."""
    if any(proxy.locality):
        return proxy.locality
    workloads = (mesh.workloads.get(ip) for ip in proxy.ip_addresses)
    return next((workload.locality for workload in workloads if workload is not None), UNKNOWN_LOCALITY)


def instances_of(mesh: Mesh, proxy: Proxy) -> tuple[ServiceInstance, ...]:
    """What the proxy's workload serves: found by its addresses.

    A proxy may connect before its workload is registered; until then the services of its namespace that select its
    labels are taken, so that it does not start as a workload without services.
    """
    found = tuple(instance for ip in proxy.ip_addresses for instance in mesh.instances.get(ip, ()))
    if found or not proxy.labels:
        return found
    selecting = (s for s in mesh.services if s.selector and _selects(s, proxy))
    return tuple(
        ServiceInstance(service.key, port, port.target if isinstance(port.target, int) else port.number)
        for service in selecting
        for port in service.ports
    )


def _selects(service: Service, proxy: Proxy) -> bool:
    in_namespace = service.meta.namespace == proxy.namespace
    return in_namespace and service.selector is not None and service.selector.selects(proxy.labels)


def view_of(mesh: Mesh, key: ViewKey, memo: Memo) -> ProxyView:
    """The view of every proxy with this key. Parts that did not change since the last call are the same objects."""
    sidecar = _sidecar_for(mesh, key)
    egress, seen = _egress(mesh, key, sidecar, memo)
    authorization = authorization_of(mesh, key, memo)
    providers = provider_services(mesh, authorization, memo)
    services = with_providers(seen, providers, mesh, key.namespace, key.labels, memo)
    listening = _listening(mesh, key, memo)
    unpopulated = memo(
        _unpopulated,
        key,
        settings_for(mesh.settings, key, memo),
        services,
        egress,
        _inbound(mesh, key, sidecar, memo),
        _gateway(mesh, key, listening, memo),
        _outbound_traffic_policy(mesh, sidecar),
        sidecar,
        credentials_for(mesh.credentials, key, services, listening, memo),
        extensions_of(mesh, key, memo),
        selected_patches(mesh, key, memo),
        _peer_modes(mesh, key, memo),
        _unencrypted(mesh, memo),
        jwt_rules_of(mesh, key, memo),
        authorization,
        authorizers_of(authorization, providers, mesh.settings, memo),
    )
    return unpopulated.with_endpoints(memo(sharded, mesh.endpoints))


def _unpopulated(
    key: ViewKey,
    settings: MeshSettings,
    services: tuple[VisibleService, ...],
    egress: tuple[EgressListener, ...],
    inbound: tuple[InboundListener, ...],
    gateway: tuple[GatewayPort, ...],
    policy: OutboundTrafficMode,
    sidecar: Sidecar | None,
    credentials: Credentials,
    extensions: tuple[ProxyExtension, ...],
    patches: tuple[ConfigPatch, ...],
    mtls: PeerModes | None,
    unencrypted: PeerPolicies | None,
    jwt_rules: tuple[ProxyJwtRule, ...],
    authorization: tuple[AuthorizationPolicy, ...],
    authorizers: tuple[Authorizer, ...],
) -> ProxyView:
    return ProxyView(
        digest=_digest(key),
        key=key,
        settings=settings,
        services=services,
        endpoints=Sharded(),
        egress=egress,
        inbound=inbound,
        gateway=gateway,
        outbound_traffic_policy=policy,
        sidecar=sidecar,
        credentials=credentials,
        extensions=extensions,
        patches=patches,
        mtls=mtls,
        unencrypted=unencrypted,
        jwt_rules=jwt_rules,
        authorization=authorization,
        authorizers=authorizers,
    )


def _digest(key: ViewKey) -> str:
    text = "\0".join(map(str, (*key.labels.items(), key.type, key.namespace, key.dns_domain, key.capture, key.bind_ip)))
    asked = (key.proxyless, key.self_discovery, key.automatic, key.conditions, key.override, key.overheard)
    has = (key.mtls, key.ipv6, key.from_agent)
    rest = "\0".join(map(str, (key.instances, key.locality, key.network, *asked, *has)))
    return hashlib.blake2b(f"{text}\0\0{rest}".encode(), digest_size=8).hexdigest()


def _outbound_traffic_policy(mesh: Mesh, sidecar: Sidecar | None) -> OutboundTrafficMode:
    if sidecar is not None and sidecar.outbound_traffic_policy is not None:
        return sidecar.outbound_traffic_policy
    return mesh.settings.outbound_traffic_policy


def _sidecar_for(mesh: Mesh, key: ViewKey) -> Sidecar | None:
    """Istio: the one that selects the workload, or else its namespace's default, or else the root namespace's."""
    if key.type is not ProxyType.SIDECAR:
        return None
    own = mesh.sidecars.get(key.namespace, ())
    root = mesh.sidecars.get(mesh.settings.root_namespace, ())
    selecting = (s for s in own if s.workload_selector is not None and s.workload_selector.selects(key.labels))
    defaults = (s for s in (*own, *root) if s.workload_selector is None)
    return next(selecting, None) or next(defaults, None)


def _all_services(
    services: tuple[Service, ...],
    destination_rules: RulesByNamespace,
    settings: MeshSettings,
    namespace: str,
    labels: Labels,
    memo: Memo,
) -> tuple[VisibleService, ...]:
    seen = memo(services_seen_from, services, namespace)
    applicable = memo(rules.for_labels, destination_rules, labels, namespace)
    root, baseline = settings.root_namespace, settings.traffic_policy
    return memo(rules.visible_services, seen, applicable, namespace, root, baseline, memo)


def _egress(
    mesh: Mesh, key: ViewKey, sidecar: Sidecar | None, memo: Memo
) -> tuple[tuple[EgressListener, ...], tuple[VisibleService, ...]]:
    """The egress listeners, and everything that needs clusters. A gateway may be sent to any visible service."""
    known = _services(mesh.services, key, memo)
    inputs = (known, mesh.destination_rules, mesh.settings, key.namespace, key.labels, memo)
    if key.type is not ProxyType.SIDECAR:
        return (), _all_services(*inputs)
    virtual_services = memo(mesh_virtual_services, mesh.virtual_services, key.namespace)
    if sidecar is None or sidecar.egress is None:
        services = _all_services(*inputs)
        return memo(_open_egress, services, virtual_services), services
    applicable = memo(rules.for_labels, mesh.destination_rules, key.labels, key.namespace)
    return memo(scoped, sidecar, known, virtual_services, applicable, key.namespace, mesh.settings, memo)


def _services(services: tuple[Service, ...], key: ViewKey, memo: Memo) -> tuple[Service, ...]:
    """Those of the mesh, with automatic addresses if the proxy's workload resolves names to these."""
    if key.automatic is IpVersions.NONE:
        return services
    return memo(with_automatic_addresses, services, memo(automatic_addresses, services), key.automatic, memo)


def _open_egress(
    services: tuple[VisibleService, ...], virtual_services: tuple[VirtualService, ...]
) -> tuple[EgressListener, ...]:
    return (EgressListener(services, services, routed_hosts(virtual_services)),)


def _inbound(mesh: Mesh, key: ViewKey, sidecar: Sidecar | None, memo: Memo) -> tuple[InboundListener, ...]:
    if key.type is not ProxyType.SIDECAR:
        return ()
    return inbound(mesh, key, sidecar, memo)


def _peer_modes(mesh: Mesh, key: ViewKey, memo: Memo) -> PeerModes | None:
    """The same object while the same holds for the workload."""
    if not key.mtls or key.type is not ProxyType.SIDECAR:
        return None
    policies = memo(peer_policies, mesh.peer_authentications, mesh.settings.root_namespace)
    return memo(_modes, policies, key.namespace, key.labels)


def _unencrypted(mesh: Mesh, memo: Memo) -> PeerPolicies | None:
    if not mesh.peer_authentications:
        return None
    policies = memo(peer_policies, mesh.peer_authentications, mesh.settings.root_namespace)
    return policies if policies.may_disable else None


def _modes(policies: PeerPolicies, namespace: str, labels: Labels) -> PeerModes:
    return policies.modes(namespace, labels)


def _listening(mesh: Mesh, key: ViewKey, memo: Memo) -> tuple[ListeningPort, ...]:
    return memo(listening_ports, key, mesh.gateways) if key.type is ProxyType.ROUTER else ()


def _gateway(mesh: Mesh, key: ViewKey, listening: tuple[ListeningPort, ...], memo: Memo) -> tuple[GatewayPort, ...]:
    return memo(gateway_ports, key.namespace, listening, mesh.virtual_services) if listening else ()
