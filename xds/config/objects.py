"""What the parsers in `kinds` make of documents: model values, and what only the fold needs to know of the rest.

A Service and a ServiceEntry both become a `ServiceDeclaration`; EndpointSlice and Endpoints both become an
`EndpointList`; a Pod and a WorkloadEntry both become a `Workload`; a Secret and a ConfigMap both become a `Credential`.
The fold knows no kind by name beyond that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from xds.model.authorization import AuthorizationPolicy
from xds.model.credentials import Credential
from xds.model.envoy_filters import EnvoyFilter
from xds.model.extensions import Extension
from xds.model.gateways import Gateway, Sidecar
from xds.model.objects import ObjectKey, ObjectMeta
from xds.model.peer_authentication import PeerAuthentication
from xds.model.policy import DestinationRule
from xds.model.proxy_config import ProxyConfig
from xds.model.request_authentication import RequestAuthentication
from xds.model.routing import VirtualService
from xds.model.services import UNKNOWN_LOCALITY, Health, Locality, Service, Workload
from xds.model.workload_groups import WorkloadGroup


@dataclass(frozen=True, slots=True)
class ServiceDeclaration:
    """Every service that one object declares: one for a Kubernetes Service, one for each host of a ServiceEntry.

    endpoints: those listed in the object itself, the same for all its services; their ``meta`` is the object's.
    """

    meta: ObjectMeta
    services: tuple[Service, ...]
    endpoints: tuple[Workload, ...] = ()


@dataclass(frozen=True, slots=True)
class ListedAddress:
    """One address of an `EndpointList`. locality: where it is, if known. pod: what runs there, if it says so."""

    address: str
    health: Health = Health.HEALTHY
    locality: Locality = UNKNOWN_LOCALITY
    pod: ObjectKey | None = None


@dataclass(frozen=True, slots=True)
class EndpointSubset:
    """Addresses that all serve the same ports. ports: by the name of the service port, empty if it has none."""

    ports: Mapping[str, int]
    addresses: tuple[ListedAddress, ...]


@dataclass(frozen=True, slots=True)
class EndpointList:
    """The endpoints of a Kubernetes Service, or some of them, as someone else found them.

    service: the name of the Service in the object's own namespace.
    """

    meta: ObjectMeta
    service: str
    subsets: tuple[EndpointSubset, ...]


ConfigObject: TypeAlias = (
    ServiceDeclaration
    | EndpointList
    | Workload
    | VirtualService
    | DestinationRule
    | Gateway
    | Sidecar
    | EnvoyFilter
    | ProxyConfig
    | PeerAuthentication
    | RequestAuthentication
    | AuthorizationPolicy
    | Credential
    | WorkloadGroup
    | Extension
)
"""An object in force."""

Objects: TypeAlias = Mapping[ObjectKey, ConfigObject]
"""The objects in force, each by its identity."""
