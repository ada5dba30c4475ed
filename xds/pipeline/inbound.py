"""On which ports a sidecar receives traffic for its workload."""

from __future__ import annotations

from xds.model.gateways import IstioIngressListener, Sidecar
from xds.model.proxy import CaptureMode
from xds.model.services import Protocol, Service, ServiceInstance, ServiceKey, ServicePort
from xds.model.view import InboundListener, ViewKey


def inbound_listeners(
    key: ViewKey, sidecar: Sidecar | None, services: tuple[Service, ...]
) -> tuple[InboundListener, ...]:
    """The Sidecar's ingress listeners if it has any; otherwise, with traffic captured, the workload's service ports.

    Without capture nothing but a Sidecar says where the workload itself listens, so there is nothing to derive.
    """
    by_key = {service.key: service for service in services}
    if sidecar is not None and sidecar.ingress is not None:
        return tuple(_from_ingress(listener, key, by_key) for listener in sidecar.ingress)
    if key.capture is CaptureMode.NONE:
        return ()
    by_port: dict[int, InboundListener] = {}
    for instance in key.instances:
        by_port.setdefault(instance.target_port, _from_instance(instance, by_key))
    return tuple(by_port[port] for port in sorted(by_port))


def _from_instance(instance: ServiceInstance, services: dict[ServiceKey, Service]) -> InboundListener:
    return InboundListener(services.get(instance.service), instance.port, instance.target_port)


def _from_ingress(listener: IstioIngressListener, key: ViewKey, services: dict[ServiceKey, Service]) -> InboundListener:
    instance = next((i for i in key.instances if i.target_port == listener.port.number), None)
    return InboundListener(
        service=services.get(instance.service) if instance else None,
        service_port=ServicePort(listener.port.number, listener.port.name, _protocol(listener, instance)),
        target_port=listener.port.number,
        default_endpoint=listener.default_endpoint,
        bind=listener.bind or key.bind_ip,
        origin=listener.origin,
    )


def _protocol(listener: IstioIngressListener, instance: ServiceInstance | None) -> Protocol:
    """The listener's own protocol counts; one that says nothing takes the service port's."""
    if listener.port.protocol is Protocol.UNSUPPORTED and instance is not None:
        return instance.port.protocol
    return listener.port.protocol
