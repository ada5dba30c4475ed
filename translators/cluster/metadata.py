"""The ``istio`` metadata of a cluster, by which Istio's tools and telemetry know what it stands for."""

from __future__ import annotations

from xds.model.services import Service
from xds.wire.core_pb2 import Metadata


def cluster_metadata(service: Service, config: str = "", subset: str = "", alpn: str = "") -> bytes:
    """An encoded ``core.v3.Metadata``. config: reference to the DestinationRule in force, if any. alpn: what requests
    say in the handshake that they speak, empty for what they are."""
    metadata = Metadata()
    fields = metadata.filter_metadata["istio"].fields
    if config:
        fields["config"].string_value = config
    if subset:
        fields["subset"].string_value = subset
    if alpn:
        fields["alpn"].string_value = alpn
    described = fields["services"].list_value.values.add().struct_value.fields
    described["host"].string_value = service.hostname
    described["name"].string_value = service.name
    described["namespace"].string_value = service.meta.namespace
    return metadata.SerializeToString(deterministic=True)
