"""Our own definitions: wire-compatible with Envoy's, and generated from what is committed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from betterproto2 import Enum, FieldMetadata, Message
from envoy_data_plane.envoy.admin import v3 as admin
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.endpoint import v3 as endpoint
from envoy_data_plane.envoy.extensions.transport_sockets.tls import v3 as tls
from envoy_data_plane.envoy.service.discovery import v3 as discovery
from envoy_data_plane.envoy.service.load_stats import v3 as load_stats
from envoy_data_plane.envoy.service.status import v3 as status
from envoy_data_plane.envoy.type import v3 as envoy_type
from envoy_data_plane.envoy.type.matcher import v3 as matcher
from envoy_data_plane.google import rpc
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import FieldDescriptorProto

import xds.wire
from xds.wire import client_status_pb2, core_pb2, discovery_pb2, endpoint_pb2, load_stats_pb2, secret_pb2

from .catalogue import field_types

_REPOSITORY = Path(__file__).parents[2]
_GENERATED = (client_status_pb2, core_pb2, discovery_pb2, endpoint_pb2, load_stats_pb2, secret_pb2)
_ENVOY: dict[str, type[Message]] = {
    "Locality": core.Locality,
    "Metadata": core.Metadata,
    "SemanticVersion": envoy_type.SemanticVersion,
    "BuildVersion": core.BuildVersion,
    "Node": core.Node,
    "ControlPlane": core.ControlPlane,
    "Address": core.Address,
    "SocketAddress": core.SocketAddress,
    "Pipe": core.Pipe,
    "EnvoyInternalAddress": core.EnvoyInternalAddress,
    "Status": rpc.Status,
    "ResourceLocator": discovery.ResourceLocator,
    "ResourceName": discovery.ResourceName,
    "DynamicParameterConstraints": discovery.DynamicParameterConstraints,
    "DynamicParameterConstraints.SingleConstraint": discovery.DynamicParameterConstraintsSingleConstraint,
    "DynamicParameterConstraints.SingleConstraint.Exists": discovery.DynamicParameterConstraintsSingleConstraintExists,
    "DynamicParameterConstraints.ConstraintList": discovery.DynamicParameterConstraintsConstraintList,
    "ResourceError": discovery.ResourceError,
    "DiscoveryRequest": discovery.DiscoveryRequest,
    "DiscoveryResponse": discovery.DiscoveryResponse,
    "DeltaDiscoveryRequest": discovery.DeltaDiscoveryRequest,
    "DeltaDiscoveryResponse": discovery.DeltaDiscoveryResponse,
    "Resource": discovery.Resource,
    "Resource.CacheControl": discovery.ResourceCacheControl,
    "FractionalPercent": envoy_type.FractionalPercent,
    "ClusterLoadAssignment": endpoint.ClusterLoadAssignment,
    "ClusterLoadAssignment.Policy": endpoint.ClusterLoadAssignmentPolicy,
    "ClusterLoadAssignment.Policy.DropOverload": endpoint.ClusterLoadAssignmentPolicyDropOverload,
    "LocalityLbEndpoints": endpoint.LocalityLbEndpoints,
    "LbEndpoint": endpoint.LbEndpoint,
    "Endpoint": endpoint.Endpoint,
    "Endpoint.HealthCheckConfig": endpoint.EndpointHealthCheckConfig,
    "Endpoint.AdditionalAddress": endpoint.EndpointAdditionalAddress,
    "StringMatcher": matcher.StringMatcher,
    "StructMatcher": matcher.StructMatcher,
    "NodeMatcher": matcher.NodeMatcher,
    "ClientStatusRequest": status.ClientStatusRequest,
    "ClientStatusResponse": status.ClientStatusResponse,
    "ClientConfig": status.ClientConfig,
    "ClientConfig.GenericXdsConfig": status.ClientConfigGenericXdsConfig,
    "UpdateFailureState": admin.UpdateFailureState,
    "UpstreamLocalityStats": endpoint.UpstreamLocalityStats,
    "ClusterStats": endpoint.ClusterStats,
    "LoadStatsRequest": load_stats.LoadStatsRequest,
    "LoadStatsResponse": load_stats.LoadStatsResponse,
    "DataSource": core.DataSource,
    "TypedExtensionConfig": core.TypedExtensionConfig,
    "Secret": tls.Secret,
    "TlsCertificate": tls.TlsCertificate,
    "CertificateValidationContext": tls.CertificateValidationContext,
    "SPIFFECertValidatorConfig": tls.SpiffeCertValidatorConfig,
    "SPIFFECertValidatorConfig.TrustDomain": tls.SpiffeCertValidatorConfigTrustDomain,
}


def _nested(descriptor: Descriptor) -> list[Descriptor]:
    own = [nested for nested in descriptor.nested_types if not nested.GetOptions().map_entry]
    return [descriptor, *(below for nested in own for below in _nested(nested))]


def _descriptors() -> dict[str, Descriptor]:
    tops = [top for module in _GENERATED for top in module.DESCRIPTOR.message_types_by_name.values()]
    return {each.full_name.removeprefix("pilothouse.wire.v1."): each for top in tops for each in _nested(top)}


def _ours(field: FieldDescriptor) -> tuple[object, ...]:
    """Name, type, repetition, oneof, and what the field refers to."""
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        return (field.name, "map", False, None, tuple(_kind(part) for part in entry.fields))
    oneof = field.containing_oneof.name if field.containing_oneof is not None else None
    return (field.name, _kind(field), field.is_repeated, oneof, _target(field))


def _kind(field: FieldDescriptor) -> str:
    return FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()  # type: ignore[arg-type]  # one enum, two stubs


def _target(field: FieldDescriptor) -> object:
    if field.enum_type is not None:
        return {value.number: value.name for value in field.enum_type.values}
    if field.message_type is None:
        return None
    name = field.message_type.full_name.removeprefix("pilothouse.wire.v1.")
    return _ENVOY[name].__name__ if name in _ENVOY else field.message_type.name


def _envoys(cls: type[Message]) -> dict[int, tuple[object, ...]]:
    """The same of each field of the library's class, by number."""
    return {
        meta.number: (name, meta.proto_type, bool(meta.repeated), meta.group, _library_target(meta, types[0]))
        for name, (meta, types) in field_types(cls).items()
    }


def _library_target(meta: FieldMetadata, element: type) -> object:
    if meta.map_meta is not None:
        return tuple(part.proto_type for part in meta.map_meta)
    if issubclass(element, Enum):
        return {member.value: member.proto_name or member.name for member in element}
    if meta.proto_type != "message":
        return None
    return meta.unwrap().__name__ if meta.unwrap else element.__name__


def test_every_message_of_ours_is_compared() -> None:
    assert set(_descriptors()) == set(_ENVOY)


@pytest.mark.parametrize("name", _ENVOY)
def test_declared_fields_are_envoys(name: str) -> None:
    theirs = _envoys(_ENVOY[name])
    assert {field.number: _ours(field) for field in _descriptors()[name].fields} == {
        number: theirs[number] for number in theirs if number in _descriptors()[name].fields_by_number
    }


def test_every_field_of_the_envelope_is_declared() -> None:
    envelope = ("DiscoveryRequest", "DiscoveryResponse", "DeltaDiscoveryRequest", "DeltaDiscoveryResponse", "Resource")
    for name in envelope:
        assert set(_descriptors()[name].fields_by_number) == set(_envoys(_ENVOY[name]))


def test_nonces_come_after_resources() -> None:
    for response in (discovery_pb2.DiscoveryResponse, discovery_pb2.DeltaDiscoveryResponse):
        numbers = response.DESCRIPTOR.fields_by_name
        assert numbers["nonce"].number > numbers["resources"].number


def test_a_nodes_extensions_are_skipped() -> None:
    extensions = [core.Extension(name=f"envoy.filters.{index}", category="x" * 100) for index in range(500)]
    node = core_pb2.Node.FromString(bytes(core.Node(id="sidecar~1.2.3.4~a.b~b.svc", extensions=extensions)))
    assert node.id == "sidecar~1.2.3.4~a.b~b.svc"
    assert [field.name for field, _ in node.ListFields()] == ["id"]


def test_no_generated_file_claims_a_package_of_envoy() -> None:
    assert {module.DESCRIPTOR.package for module in _GENERATED} == {"pilothouse.wire.v1"}


def test_committed_modules_are_what_the_protos_generate(tmp_path: Path) -> None:
    (tmp_path / "xds" / "wire").mkdir(parents=True)
    script = _REPOSITORY / "protos" / "generate.py"
    listed = subprocess.run([sys.executable, script, tmp_path], check=True, capture_output=True, text=True).stdout
    written = [Path(line) for line in listed.splitlines()]
    assert {path.name for path in written} == {path.name for path in _committed()}
    for path in written:
        assert path.read_bytes() == (_REPOSITORY / path.relative_to(tmp_path)).read_bytes(), "run protos/generate.py"


def _committed() -> list[Path]:
    directory = Path(*xds.wire.__path__)
    return [path for path in directory.iterdir() if re.search(r"_pb2\.pyi?$", path.name)]
