"""On which ports a sidecar receives traffic for its workload."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from xds.model.gateways import IstioIngressListener, Sidecar, SidecarCaptureMode
from xds.model.mesh import Mesh
from xds.model.proxy import CaptureMode
from xds.model.server_tls import ServerTLSSettings
from xds.model.services import Protocol, Service, ServiceInstance, ServiceKey, ServicePort
from xds.model.settings import MeshSettings
from xds.model.view import InboundListener, ViewKey, VisibleService
from xds.pipeline import rules
from xds.pipeline.memo import Memo
from xds.pipeline.rules import RulesByNamespace

_EVERY_ADDRESS: Final = "0.0.0.0"  # noqa: S104 - where a listener is bound whose address nobody names


def inbound(mesh: Mesh, key: ViewKey, sidecar: Sidecar | None, memo: Memo) -> tuple[InboundListener, ...]:
    """The Sidecar's ingress listeners if it has any; otherwise, with traffic captured, the workload's service ports.

    Without capture nothing but a Sidecar says where the workload itself listens, so there is nothing to derive.
    """
    served = memo(_served, key, mesh.services, mesh.destination_rules, mesh.settings, memo)
    return memo(_listeners, key, sidecar, *served)


def _served(
    key: ViewKey, services: tuple[Service, ...], destination_rules: RulesByNamespace, settings: MeshSettings, memo: Memo
) -> tuple[VisibleService, ...]:
    """The services that the workload serves, each once. Their rules hold on this side too, as far as pools go."""
    return tuple(_visible(key, services, destination_rules, settings, memo)) if key.instances else ()


def _visible(
    key: ViewKey, services: tuple[Service, ...], destination_rules: RulesByNamespace, settings: MeshSettings, memo: Memo
) -> Iterator[VisibleService]:
    by_key = memo(_by_key, services)
    applicable = memo(rules.for_labels, destination_rules, key.labels, key.namespace)
    for service_key in dict.fromkeys(instance.service for instance in key.instances):
        service = by_key.get(service_key)
        if service is not None:
            root, baseline = settings.root_namespace, settings.traffic_policy
            rule = rules.rule_for(applicable, key.namespace, root, baseline, memo, service)
            yield memo(VisibleService, service, rule)


def _by_key(services: tuple[Service, ...]) -> Mapping[ServiceKey, Service]:
    return {service.key: service for service in services}


def _listeners(key: ViewKey, sidecar: Sidecar | None, *served: VisibleService) -> tuple[InboundListener, ...]:
    by_key = {visible.service.key: visible for visible in served}
    if sidecar is not None and sidecar.ingress is not None:
        return tuple(_from_ingress(number, key, sidecar, by_key) for number in range(len(sidecar.ingress)))
    if key.capture is CaptureMode.NONE:
        return ()
    by_port: dict[int, InboundListener] = {}
    for instance in key.instances:
        if instance.target_port not in by_port:
            by_port[instance.target_port] = _from_instance(instance, sidecar, by_key.get(instance.service))
    return tuple(by_port[port] for port in sorted(by_port))


def _from_instance(
    instance: ServiceInstance, sidecar: Sidecar | None, visible: VisibleService | None
) -> InboundListener:
    return InboundListener(
        service=visible.service if visible is not None else None,
        service_port=instance.port,
        target_port=instance.target_port,
        pool=sidecar.inbound_connection_pool if sidecar is not None else None,
        rule=visible.rule if visible is not None else None,
    )


def _from_ingress(
    index: int, key: ViewKey, sidecar: Sidecar, served: Mapping[ServiceKey, VisibleService]
) -> InboundListener:
    """Istio: a listener whose traffic is captured has no use for an address to bind."""
    listener = (sidecar.ingress or ())[index]
    number = listener.port.number
    instance = next((i for i in key.instances if i.target_port == number), None)
    visible = served.get(instance.service) if instance is not None else None
    is_bound = key.capture is CaptureMode.NONE or listener.capture_mode is SidecarCaptureMode.NONE
    return InboundListener(
        service=visible.service if visible is not None else None,
        service_port=ServicePort(number, listener.port.name, _protocol(listener, instance)),
        target_port=number,
        default_endpoint=listener.default_endpoint or (f"127.0.0.1:{number}" if is_bound else ""),
        bind=(listener.bind or key.bind_ip or _EVERY_ADDRESS) if is_bound else "",
        declared=(sidecar.meta.key, index),
        pool=listener.connection_pool or sidecar.inbound_connection_pool,
        rule=visible.rule if visible is not None else None,
        tls=_ended(listener),
    )


def _ended(listener: IstioIngressListener) -> ServerTLSSettings | None:
    """The TLS that ends at the proxy, if any does."""
    return listener.tls if listener.tls is not None and listener.tls.mode.terminates else None


def _protocol(listener: IstioIngressListener, instance: ServiceInstance | None) -> Protocol:
    """The listener's own protocol counts, of TLS that ends here what is in it; one that says nothing takes the service
    port's."""
    if listener.port.protocol is Protocol.UNSUPPORTED and instance is not None:
        return instance.port.protocol
    if _ended(listener) is not None:
        return Protocol.HTTP if listener.port.protocol is Protocol.HTTPS else Protocol.TCP
    return listener.port.protocol
