"""The whole configuration at one moment: what the documents say, indexed for the questions that proxies ask.

A Mesh is immutable. The fold (`xds.config.build`) makes a new one for a change and reuses every part that did not
change, as the same object, so that ``is`` tells what changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from xds.model.authorization import AuthorizationPolicy
from xds.model.credentials import Credential
from xds.model.envoy_filters import EnvoyFilter
from xds.model.extensions import Extension, Modules
from xds.model.gateways import Gateway, Sidecar
from xds.model.objects import ObjectKey, ObjectMeta
from xds.model.peer_authentication import PeerAuthentication
from xds.model.policy import DestinationRule
from xds.model.proxy_config import ProxyConfig
from xds.model.request_authentication import KeySets, RequestAuthentication
from xds.model.routing import VirtualService
from xds.model.services import Service, ServiceEndpoints, ServiceInstance, ServiceKey, Workload
from xds.model.settings import MeshSettings
from xds.model.workload_groups import WorkloadGroup


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """Everything the translators may ask about.

    services: ordered by key. endpoints: of every service with STATIC or DNS resolution that has any. instances: by
    workload address, what it serves. workloads: by address. virtual_services, destination_rules, gateways, sidecars,
    envoy_filters, peer_authentications, request_authentications, authorization_policies, credentials: oldest first
    (`ObjectMeta.age_order`), grouped by namespace where look-ups go by namespace. key_sets: what is known of the keys
    that the rules for tokens name. proxy_configs: oldest first; proxies are told of them when they start. extensions:
    as they can be run, by namespace; modules: what is known of those that they name. objects: the metadata of every
    object in force. workload_groups: in which workloads register themselves.
    """

    settings: MeshSettings
    services: tuple[Service, ...]
    endpoints: Mapping[ServiceKey, ServiceEndpoints]
    instances: Mapping[str, tuple[ServiceInstance, ...]]
    workloads: Mapping[str, Workload]
    virtual_services: tuple[VirtualService, ...]
    destination_rules: Mapping[str, tuple[DestinationRule, ...]]
    gateways: tuple[Gateway, ...]
    sidecars: Mapping[str, tuple[Sidecar, ...]]
    envoy_filters: Mapping[str, tuple[EnvoyFilter, ...]]
    proxy_configs: tuple[ProxyConfig, ...]
    peer_authentications: Mapping[str, tuple[PeerAuthentication, ...]]
    request_authentications: Mapping[str, tuple[RequestAuthentication, ...]]
    key_sets: KeySets
    authorization_policies: Mapping[str, tuple[AuthorizationPolicy, ...]]
    credentials: Mapping[str, tuple[Credential, ...]]
    extensions: Mapping[str, tuple[Extension, ...]]
    modules: Modules
    objects: Mapping[ObjectKey, ObjectMeta]
    workload_groups: Mapping[ObjectKey, WorkloadGroup] = field(default_factory=dict)


EMPTY_MESH = Mesh(
    settings=MeshSettings(),
    services=(),
    endpoints={},
    instances={},
    workloads={},
    virtual_services=(),
    destination_rules={},
    gateways=(),
    sidecars={},
    envoy_filters={},
    proxy_configs=(),
    peer_authentications={},
    request_authentications={},
    key_sets={},
    authorization_policies={},
    credentials={},
    extensions={},
    modules={},
    objects={},
)
