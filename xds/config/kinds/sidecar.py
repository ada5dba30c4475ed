"""Sidecar: what a workload's proxy listens on, and what it may see (Istio ``Sidecar``)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from xds.config.document import RawObject
from xds.config.kinds.honoured import with_prefixes
from xds.config.kinds.kind import ISTIO_NETWORKING, ISTIO_NETWORKING_VERSIONS, Context, Kind
from xds.config.kinds.ports import is_unix_socket, parse_bind, parse_listener_port
from xds.config.kinds.result import result
from xds.config.reader import Reader
from xds.config.scalars import parse_ip, parse_namespaced_host, parse_port
from xds.model.diagnostic import Diagnostic
from xds.model.gateways import (
    HostSelector,
    IstioEgressListener,
    IstioIngressListener,
    OutboundTrafficMode,
    Sidecar,
    SidecarCaptureMode,
)
from xds.model.labels import Labels

_PORT = "port.number port.protocol port.name"

HONOURED = with_prefixes(
    {
        "spec": "workloadSelector.labels outboundTrafficPolicy.mode",
        "spec.egress": f"hosts bind captureMode {_PORT}",
        "spec.ingress": f"bind captureMode defaultEndpoint {_PORT}",
    }
)

_OWN_ADDRESSES = ("127.0.0.1", "[::1]", "0.0.0.0", "[::]")  # noqa: S104  # written by users; nothing binds here


def parse(raw: RawObject, context: Context) -> tuple[Sidecar | None, tuple[Diagnostic, ...]]:
    """The Sidecar of a document; see :class:`~xds.config.kinds.kind.Kind`."""
    root = Reader(raw)
    spec = root.section("spec")
    sidecar = Sidecar(
        meta=raw.meta,
        workload_selector=_workload_selector(spec),
        ingress=_ingress(spec),
        egress=_egress(spec, raw.namespace),
        outbound_traffic_policy=_outbound_traffic_policy(spec),
    )
    return result(root, sidecar)


def _workload_selector(spec: Reader) -> Labels | None:
    """An empty selector selects the whole namespace, as an absent one does."""
    return spec.section("workloadSelector").labels("labels") or None


def _outbound_traffic_policy(spec: Reader) -> OutboundTrafficMode | None:
    """Istio's default within a policy that is given is its enum's first value."""
    policy = spec.child("outboundTrafficPolicy")
    return None if policy is None else OutboundTrafficMode(policy.text("mode", "REGISTRY_ONLY"))


def _egress(spec: Reader, namespace: str) -> tuple[IstioEgressListener, ...] | None:
    readers = spec.items("egress")
    listeners = tuple(_egress_listener(reader, namespace) for reader in readers)
    for reader, listener in zip(readers[:-1], listeners, strict=False):
        if listener.port is None:
            reader.error((), "a listener without port serves the other ports: it must be the last", "invalid-value")
    _check_unique(readers, [(listener.bind, listener.port.number if listener.port else None) for listener in listeners])
    return listeners or None


def _egress_listener(reader: Reader, namespace: str) -> IstioEgressListener:
    bind = reader.parsed("bind", parse_bind, "")
    port = reader.child("port")
    if not reader.strings("hosts"):
        reader.error("hosts", "must name at least one host", "missing-field")
    return IstioEgressListener(
        hosts=reader.parsed_strings("hosts", partial(_host, namespace)),
        origin=reader.origin,
        port=None if port is None else parse_listener_port(port, is_unix=is_unix_socket(bind)),
        bind=bind,
        capture_mode=_capture_mode(reader),
    )


def _host(own_namespace: str, text: str) -> HostSelector:
    if "/" not in text:
        raise ValueError(f"{text!r} needs a namespace: write namespace/host, ./host or */host")
    namespace, host = parse_namespaced_host(text)
    return HostSelector(own_namespace if namespace == "." else namespace, host)


def _ingress(spec: Reader) -> tuple[IstioIngressListener, ...] | None:
    readers = spec.items("ingress")
    listeners = tuple(_ingress_listener(reader) for reader in readers)
    _check_unique(readers, [("", listener.port.number) for listener in listeners])
    return listeners or None


def _ingress_listener(reader: Reader) -> IstioIngressListener:
    port = parse_listener_port(reader.section("port"))
    return IstioIngressListener(
        port=port,
        default_endpoint=reader.parsed("defaultEndpoint", _default_endpoint, f"127.0.0.1:{port.number}"),
        origin=reader.origin,
        bind=reader.parsed("bind", _address, ""),
        capture_mode=_capture_mode(reader),
    )


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


def _check_unique(readers: Sequence[Reader], addresses: Sequence[tuple[str, int | None]]) -> None:
    """Two listeners must not share address and port. One without a port (None) has none to share."""
    seen: set[tuple[str, int | None]] = set()
    for reader, address in zip(readers, addresses, strict=True):
        if address in seen and address[1] is not None:
            reader.error((), "another listener already has this address and port", "duplicate")
        seen.add(address)


KIND = Kind(
    name="Sidecar",
    group=ISTIO_NETWORKING,
    versions=ISTIO_NETWORKING_VERSIONS,
    honoured=HONOURED,
    parse=parse,
)
