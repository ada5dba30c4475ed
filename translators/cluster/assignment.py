"""The endpoints of a cluster: Envoy's ``ClusterLoadAssignment``.

Every endpoint is encoded once and its bytes are shared by all assignments that have it: a service and its subsets.
Field numbers are Envoy's: ClusterLoadAssignment.cluster_name 1 and endpoints 2, LocalityLbEndpoints.lb_endpoints 2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from translators.cluster.address import fill_address
from translators.cluster.peers import accepts_mutual_tls
from translators.cluster.placement import EncodedEndpoint, Group, Placement, grouped
from xds.model.labels import Labels
from xds.model.peer_authentication import PeerPolicies
from xds.model.services import Endpoint, Health, ServiceEndpoints
from xds.pipeline import Memo
from xds.wire.core_pb2 import Metadata
from xds.wire.endpoint_pb2 import HEALTHY, LbEndpoint, LocalityLbEndpoints
from xds.wire.splice import field

_NAME_LABELS = ("service.istio.io/canonical-name", "app.kubernetes.io/name", "app")
_REVISION_LABELS = ("service.istio.io/canonical-revision", "app.kubernetes.io/version", "version")

_MANY: Final = 64
"""From so many endpoints on it is worth remembering what is made of them together: fewer are put together faster."""

EncodedEndpoints = Mapping[int, tuple[EncodedEndpoint, ...]]
"""By service port."""


def encoded_endpoints(endpoints: ServiceEndpoints, unencrypted: PeerPolicies | None, memo: Memo) -> EncodedEndpoints:
    """Those that may get traffic. Like Istio, unready and terminating endpoints are not sent at all. unencrypted: what
    turns mutual TLS off for some, None if nothing does."""
    return {
        port: memo(_live, group, unencrypted, memo) if len(group) >= _MANY else _live(group, unencrypted, memo)
        for port, group in endpoints.by_port.items()
    }


def _live(endpoints: tuple[Endpoint, ...], unencrypted: PeerPolicies | None, memo: Memo) -> tuple[EncodedEndpoint, ...]:
    return tuple(
        memo(_encoded, endpoint, accepts_mutual_tls(endpoint, unencrypted))
        for endpoint in endpoints
        if endpoint.health is Health.HEALTHY
    )


def assignment(name: str, endpoints: Iterable[EncodedEndpoint], placement: Placement | None = None) -> bytes:
    """An encoded ``ClusterLoadAssignment``, localities in order. Without endpoints it is a name, which ends warming."""
    return field(1, name.encode()) + _localities(endpoints, placement)


def shared_assignment(
    name: str, endpoints: tuple[EncodedEndpoint, ...], placement: Placement | None, memo: Memo
) -> bytes:
    """The same for endpoints that other services may have too, as the same tuple."""
    if len(endpoints) < _MANY:
        return assignment(name, endpoints, placement)
    return field(1, name.encode()) + memo(_localities, endpoints, placement)


def _localities(endpoints: Iterable[EncodedEndpoint], placement: Placement | None) -> bytes:
    return b"".join(field(2, _encoded_group(group)) for group in grouped(endpoints, placement))


def selected(endpoints: Iterable[EncodedEndpoint], labels: Labels) -> tuple[EncodedEndpoint, ...]:
    """The endpoints of a subset."""
    return tuple(endpoint for endpoint in endpoints if labels.selects(endpoint.labels))


def plain_endpoint(host: str, port: int) -> EncodedEndpoint:
    """An address of which nothing else is known. host: as `translators.cluster.address.fill_address` takes it."""
    return _encoded(Endpoint(host, port), mtls=False)


def _encoded_group(group: Group) -> bytes:
    """A locality without a weight would get no traffic where localities share by weight.

    An unknown locality is present and empty: gRPC clients refuse an assignment where it is missing.
    """
    message = LocalityLbEndpoints(priority=group.priority)
    message.load_balancing_weight.value = group.weight
    message.locality.SetInParent()
    message.locality.region, message.locality.zone, message.locality.sub_zone = group.locality
    return b"".join((message.SerializeToString(), *(field(2, endpoint.body) for endpoint in group.endpoints)))


def _encoded(endpoint: Endpoint, mtls: bool) -> EncodedEndpoint:
    message = LbEndpoint(health_status=HEALTHY)
    fill_address(message.endpoint.address, endpoint.address, endpoint.port)
    message.load_balancing_weight.value = endpoint.weight or 1
    _describe(message.metadata, endpoint, mtls=mtls)
    body = message.SerializeToString(deterministic=True)
    return EncodedEndpoint(endpoint.labels, endpoint.locality, endpoint.weight or 1, body)


def _describe(metadata: Metadata, endpoint: Endpoint, *, mtls: bool) -> None:
    if mtls:
        metadata.filter_metadata["envoy.transport_socket_match"].fields["tlsMode"].string_value = "istio"
    if endpoint.workload:
        metadata.filter_metadata["istio"].fields["workload"].string_value = _workload(endpoint)


def _workload(endpoint: Endpoint) -> str:
    """Istio: ``name;namespace;canonical service;canonical revision;cluster``, from which telemetry takes its labels.

    The last one stays empty: endpoints of other clusters are not known here.
    """
    name = _first(endpoint.labels, _NAME_LABELS) or endpoint.workload
    revision = _first(endpoint.labels, _REVISION_LABELS) or "latest"
    return f"{endpoint.workload};{endpoint.namespace};{name};{revision};"


def _first(labels: Labels, keys: tuple[str, ...]) -> str:
    return next((labels[key] for key in keys if key in labels), "")
