"""Sidecar: what a workload's proxy listens on, and what it may see (Istio ``Sidecar``)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from xds.config.document import RawObject
from xds.config.kinds.connection_pool import HONOURED_POOL, parse_connection_pool
from xds.config.kinds.destinations import parse_destination
from xds.config.kinds.honoured import with_prefixes
from xds.config.kinds.kind import ISTIO_NETWORKING, ISTIO_NETWORKING_VERSIONS, Context, Kind
from xds.config.kinds.names import Scope
from xds.config.kinds.ports import is_unix_socket, parse_bind, parse_listener_port
from xds.config.kinds.result import result
from xds.config.kinds.server_tls import HONOURED_SERVER_TLS, given, parse_server_tls
from xds.config.reader import Reader
from xds.config.scalars import parse_ip, parse_namespaced_host, parse_port
from xds.model.diagnostic import Diagnostic
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
from xds.model.routing import Destination
from xds.model.server_tls import ServerTLSMode, ServerTLSSettings

_PORT = "port.number port.protocol port.name"

_OF_GATEWAYS: Final = ("credentialName", "credentialNames", "caCertCredentialName", "httpsRedirect", "subjectAltNames")
_MODES_OF_GATEWAYS: Final = (ServerTLSMode.ISTIO_MUTUAL, ServerTLSMode.AUTO_PASSTHROUGH)

_TLS = " ".join(field for field in HONOURED_SERVER_TLS.split() if field not in _OF_GATEWAYS)
_POOL = " ".join(field for field in HONOURED_POOL.split() if field != "http.h2UpgradePolicy")

HONOURED = with_prefixes(
    {
        "spec": "workloadSelector.labels",
        "spec.outboundTrafficPolicy": "mode egressProxy.host egressProxy.subset egressProxy.port.number",
        "spec.egress": f"hosts bind captureMode {_PORT}",
        "spec.ingress": f"bind captureMode defaultEndpoint {_PORT}",
        "spec.ingress.tls": _TLS,
        "spec.ingress.connectionPool": _POOL,
        "spec.inboundConnectionPool": _POOL,
    }
)

_OWN_ADDRESSES = ("127.0.0.1", "[::1]", "0.0.0.0", "[::]")  # noqa: S104  # written by users; nothing binds here


def parse(raw: RawObject, context: Context) -> tuple[Sidecar | None, tuple[Diagnostic, ...]]:
    """The Sidecar of a document; see :class:`~xds.config.kinds.kind.Kind`."""
    root = Reader(raw)
    spec = root.section("spec")
    policy = spec.child("outboundTrafficPolicy")
    sidecar = Sidecar(
        meta=raw.meta,
        workload_selector=_workload_selector(spec),
        ingress=_ingress(spec),
        egress=_egress(spec, raw.namespace),
        outbound_traffic_policy=_mode(policy) if policy is not None else None,
        egress_proxy=_egress_proxy(policy, Scope.of(raw, context)) if policy is not None else None,
        inbound_connection_pool=parse_connection_pool(spec, "inboundConnectionPool"),
    )
    _check_collisions(spec, sidecar)
    return result(root, sidecar)


def _workload_selector(spec: Reader) -> Labels | None:
    """An empty selector selects the whole namespace, as an absent one does."""
    return spec.section("workloadSelector").labels("labels") or None


def _mode(policy: Reader) -> OutboundTrafficMode:
    """Istio's default within a policy that is given is its enum's first value."""
    return OutboundTrafficMode(policy.text("mode", "REGISTRY_ONLY"))


def _egress_proxy(policy: Reader, scope: Scope) -> Destination | None:
    """Istio: its port has to be given, and unknown traffic has to be allowed at all."""
    proxy = policy.child("egressProxy")
    if proxy is None:
        return None
    if _mode(policy) is not OutboundTrafficMode.ALLOW_ANY:
        policy.error("egressProxy", "needs the mode ALLOW_ANY", "conflicting-fields")
    destination = parse_destination(proxy, scope)
    if destination.port is None:
        proxy.error("port", "is required", "missing-field")
    return destination


def _egress(spec: Reader, namespace: str) -> tuple[IstioEgressListener, ...] | None:
    readers = spec.items("egress")
    listeners = tuple(_egress_listener(reader, namespace) for reader in readers)
    for reader, listener in zip(readers[:-1], listeners, strict=False):
        if listener.port is None:
            reader.error((), "a listener without port serves the other ports: it must be the last", "invalid-value")
    _check_unique(readers, [_egress_place(listener) for listener in listeners])
    return listeners or None


def _egress_place(listener: IstioEgressListener) -> str | int | None:
    """What no other listener may have: a socket, or a port on whichever address."""
    return (listener.port.number or listener.bind) if listener.port is not None else None


def _egress_listener(reader: Reader, namespace: str) -> IstioEgressListener:
    bind, mode = reader.parsed("bind", parse_bind, ""), _capture_mode(reader)
    port = reader.child("port")
    if is_unix_socket(bind) and mode is SidecarCaptureMode.IPTABLES:
        reader.error("captureMode", "a Unix socket cannot be captured", "conflicting-fields")
    if not reader.strings("hosts"):
        reader.error("hosts", "must name at least one host", "missing-field")
    return IstioEgressListener(
        hosts=reader.parsed_strings("hosts", partial(_host, namespace)),
        origin=reader.origin,
        port=None if port is None else parse_listener_port(port, is_unix=is_unix_socket(bind)),
        bind=bind,
        capture_mode=mode,
    )


def _host(own_namespace: str, text: str) -> HostSelector:
    if "/" not in text:
        raise ValueError(f"{text!r} needs a namespace: write namespace/host, ./host or */host")
    namespace, host = parse_namespaced_host(text)
    return HostSelector(own_namespace if namespace == "." else namespace, host)


def _ingress(spec: Reader) -> tuple[IstioIngressListener, ...] | None:
    readers = spec.items("ingress")
    listeners = tuple(_ingress_listener(reader) for reader in readers)
    _check_unique(readers, [listener.port.number for listener in listeners])
    return listeners or None


def _ingress_listener(reader: Reader) -> IstioIngressListener:
    port = parse_listener_port(reader.section("port"))
    return IstioIngressListener(
        port=port,
        default_endpoint=reader.parsed("defaultEndpoint", _default_endpoint, ""),
        origin=reader.origin,
        bind=reader.parsed("bind", _address, ""),
        capture_mode=_capture_mode(reader),
        connection_pool=parse_connection_pool(reader),
        tls=_tls(reader, port),
    )


def _tls(listener: Reader, port: Port) -> ServerTLSSettings | None:
    """Istio: what a Sidecar says of it is less than what a Gateway can, as a workload has its own certificates only."""
    tls = listener.child("tls")
    if tls is None:
        return None
    if not port.protocol.is_tls:
        reason = f"is not for {port.protocol.value}: the protocol has to be HTTPS or TLS"
        listener.error("tls", reason, "conflicting-fields")
    for name in given(tls, _OF_GATEWAYS):
        tls.error(name, "is for Gateways: the ingress of a Sidecar has files, and no redirects", "not-supported")
    settings = parse_server_tls(tls)
    if settings.mode in _MODES_OF_GATEWAYS:
        tls.error("mode", f"{settings.mode.value} is not for the ingress of a Sidecar", "not-supported")
    return settings


def _address(text: str) -> str:
    return str(parse_ip(text))


def _default_endpoint(text: str) -> str:
    if is_unix_socket(text):
        return text
    address, _, port = text.rpartition(":")
    if address not in _OWN_ADDRESSES:
        raise ValueError(f"must be {', '.join(f'{own}:PORT' for own in _OWN_ADDRESSES)} or unix:///path")
    return f"{address}:{parse_port(port)}"


def _capture_mode(reader: Reader) -> SidecarCaptureMode:
    return SidecarCaptureMode(reader.text("captureMode", "DEFAULT"))


def _check_unique(readers: Sequence[Reader], places: Sequence[str | int | None]) -> None:
    """Two listeners must not share a port or a socket. None: it has neither."""
    seen: set[str | int] = set()
    for reader, place in zip(readers, places, strict=True):
        if place in seen:
            reader.error((), f"another listener already has {place}", "duplicate")
        if place is not None:
            seen.add(place)


def _check_collisions(spec: Reader, sidecar: Sidecar) -> None:
    """What the workload receives on and what it sends by must not bind the same port of the same address."""
    bound = [
        (number, each.bind, each.port.number)
        for number, each in enumerate(sidecar.egress or ())
        if each.port is not None and each.capture_mode is SidecarCaptureMode.NONE and not is_unix_socket(each.bind)
    ]
    for reader, ingress in zip(spec.items("ingress"), sidecar.ingress or (), strict=True):
        if ingress.capture_mode is SidecarCaptureMode.NONE:
            for number, bind, port in bound:
                if (bind, port) == (ingress.bind, ingress.port.number):
                    reason = f"binds port {port} as egress[{number}] does: the proxy is left without that one"
                    reader.warning("port", reason, "port-collision")


KIND = Kind(
    name="Sidecar",
    group=ISTIO_NETWORKING,
    versions=ISTIO_NETWORKING_VERSIONS,
    honoured=HONOURED,
    parse=parse,
)
