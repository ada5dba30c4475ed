"""The fold: the objects in force to a Mesh. Pure and incremental.

A change costs what changed, plus the copying of the mappings that it is in. Every part of the previous Mesh that did
not change is the same object in the next, so that ``is`` tells what changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from operator import is_
from typing import TypeVar

from xds.config.conflicts import Conflicts
from xds.config.credential_findings import CredentialFindings
from xds.config.delegation import Change as RouteChange
from xds.config.delegation import Delegation
from xds.config.drafts import Draft, ShardedDraft
from xds.config.fetched import NOTHING_FETCHED, Fetched
from xds.config.fold_authentication import Authentications
from xds.config.fold_discovery import Changes, Discovery
from xds.config.fold_extensions import Extensions
from xds.config.fold_policies import revise_by_age, revise_by_namespace
from xds.config.gateway_findings import GatewayFindings
from xds.config.objects import ConfigObject, EndpointList, Objects, ServiceDeclaration
from xds.config.provider_findings import provider_findings
from xds.model.authorization import AuthorizationPolicy
from xds.model.credentials import Credential
from xds.model.diagnostic import Diagnostic
from xds.model.envoy_filters import EnvoyFilter
from xds.model.extensions import Extension
from xds.model.gateways import Gateway, Sidecar
from xds.model.mesh import EMPTY_MESH, Mesh
from xds.model.objects import ObjectKey, ObjectMeta
from xds.model.peer_authentication import PeerAuthentication
from xds.model.policy import DestinationRule
from xds.model.proxy_config import ProxyConfig
from xds.model.request_authentication import RequestAuthentication
from xds.model.routing import VirtualService
from xds.model.services import Workload
from xds.model.settings import MeshSettings
from xds.model.workload_groups import WorkloadGroup

O = TypeVar("O")  # noqa: E741 - an object's type
Pair = tuple[ConfigObject | None, ConfigObject | None]


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """A Mesh, and what the next one can be made from.

    objects: those that it was made of. gateways: what these say against each other. diagnostics: what only
    the whole shows, ordered by service, then by VirtualService, then by host, then by Gateway, then by who asks for a
    credential, then by extension, then by RequestAuthentication.
    """

    mesh: Mesh = EMPTY_MESH
    objects: Objects = field(default_factory=dict)
    discovery: Discovery = field(default_factory=Discovery)
    delegation: Delegation = field(default_factory=Delegation)
    conflicts: Conflicts = field(default_factory=Conflicts)
    gateways: GatewayFindings = field(default_factory=GatewayFindings)
    provider_findings: tuple[Diagnostic, ...] = ()
    credentials: CredentialFindings = field(default_factory=CredentialFindings)
    extensions: Extensions = field(default_factory=Extensions)
    authentications: Authentications = field(default_factory=Authentications)
    diagnostics: tuple[Diagnostic, ...] = ()


def build(objects: Objects, settings: MeshSettings, fetched: Fetched = NOTHING_FETCHED) -> Fold:
    """The Mesh that ``objects`` make up. fetched: what there is of what they name."""
    return rebuild(Fold(), objects, objects.keys(), settings, fetched)


def rebuild(
    previous: Fold,
    objects: Objects,
    changed: Collection[ObjectKey],
    settings: MeshSettings,
    fetched: Fetched = NOTHING_FETCHED,
) -> Fold:
    """The Mesh that ``objects`` make up, with what is unchanged from ``previous``.

    changed: the keys of all objects that were added, replaced or removed; others must be the same objects as before.
    """
    if settings.domain_suffix != previous.mesh.settings.domain_suffix and previous.objects:
        return build(objects, settings, fetched)
    pairs = [(previous.objects.get(key), objects.get(key)) for key in changed]
    changes = Changes(
        services=tuple(_only(ServiceDeclaration, pairs)),
        workloads=tuple(_only(Workload, pairs)),
        lists=tuple(_only(EndpointList, pairs)),
    )
    discovery = previous.discovery.update(changes, objects, settings.domain_suffix)
    delegation, routes = previous.delegation.update(_only(VirtualService, pairs), objects)
    conflicts = previous.conflicts.update(pairs, objects, discovery, previous.discovery)
    extensions = previous.extensions.update(_only(Extension, pairs), fetched.modules)
    authentications = previous.authentications.update(_only(RequestAuthentication, pairs), fetched.key_sets)
    mesh = _mesh(previous.mesh, settings, discovery, routes, pairs, extensions, authentications)
    gateways = previous.gateways.update(mesh.gateways, discovery, previous.discovery)
    of_providers = _provider_findings(previous, mesh)
    credentials = previous.credentials.update(pairs, objects, mesh.credentials, mesh.workloads)
    return Fold(
        mesh=mesh,
        objects=objects,
        discovery=discovery,
        delegation=delegation,
        conflicts=conflicts,
        gateways=gateways,
        provider_findings=of_providers,
        credentials=credentials,
        extensions=extensions,
        authentications=authentications,
        diagnostics=_diagnostics(
            previous,
            discovery,
            delegation,
            conflicts,
            gateways,
            of_providers,
            credentials,
            extensions,
            authentications,
        ),
    )


def _provider_findings(previous: Fold, mesh: Mesh) -> tuple[Diagnostic, ...]:
    before = previous.mesh
    inputs = ((each.settings, each.services, each.authorization_policies) for each in (mesh, before))
    if all(map(is_, *inputs)):
        return previous.provider_findings
    return provider_findings(mesh)


def _mesh(
    before: Mesh,
    settings: MeshSettings,
    discovery: Discovery,
    routes: list[RouteChange],
    pairs: list[Pair],
    extensions: Extensions,
    authentications: Authentications,
) -> Mesh:
    return Mesh(
        settings=before.settings if before.settings == settings else settings,
        services=discovery.services.services,
        endpoints=discovery.endpoints,
        instances=discovery.instances,
        workloads=discovery.workloads.by_address,
        virtual_services=revise_by_age(before.virtual_services, routes),
        destination_rules=revise_by_namespace(before.destination_rules, _only(DestinationRule, pairs)),
        gateways=revise_by_age(before.gateways, _only(Gateway, pairs)),
        sidecars=revise_by_namespace(before.sidecars, _only(Sidecar, pairs)),
        envoy_filters=revise_by_namespace(before.envoy_filters, _only(EnvoyFilter, pairs)),
        proxy_configs=revise_by_age(before.proxy_configs, _only(ProxyConfig, pairs)),
        peer_authentications=revise_by_namespace(before.peer_authentications, _only(PeerAuthentication, pairs)),
        authorization_policies=revise_by_namespace(before.authorization_policies, _only(AuthorizationPolicy, pairs)),
        credentials=revise_by_namespace(before.credentials, _only(Credential, pairs)),
        extensions=extensions.by_namespace,
        modules=extensions.modules,
        request_authentications=authentications.by_namespace,
        key_sets=authentications.key_sets,
        objects=_metadata(before.objects, pairs),
        workload_groups=_by_key(before.workload_groups, _only(WorkloadGroup, pairs)),
    )


def _only(kind: type[O], pairs: Iterable[Pair]) -> Iterator[tuple[O | None, O | None]]:
    """The pairs of one type. A key has a kind and a kind has a type, so both halves of a pair agree."""
    for old, new in pairs:
        if isinstance(new, kind):
            yield (old if isinstance(old, kind) else None), new
        elif isinstance(old, kind):
            yield old, None


def _by_key(
    before: Mapping[ObjectKey, WorkloadGroup], changes: Iterable[tuple[WorkloadGroup | None, WorkloadGroup | None]]
) -> Mapping[ObjectKey, WorkloadGroup]:
    result = Draft(before)
    for old, new in changes:
        one = new or old
        if one is not None:
            result.set(one.meta.key, new)
    return result.done()


def _metadata(before: Mapping[ObjectKey, ObjectMeta], pairs: Iterable[Pair]) -> Mapping[ObjectKey, ObjectMeta]:
    result = ShardedDraft(before)
    for old, new in pairs:
        if new is not None:
            result.set(new.meta.key, new.meta)
        elif old is not None:
            result.set(old.meta.key, None)
    return result.done()


def _diagnostics(
    previous: Fold,
    discovery: Discovery,
    delegation: Delegation,
    conflicts: Conflicts,
    gateways: GatewayFindings,
    of_providers: tuple[Diagnostic, ...],
    credentials: CredentialFindings,
    extensions: Extensions,
    authentications: Authentications,
) -> tuple[Diagnostic, ...]:
    now = (
        discovery.findings,
        delegation.findings,
        conflicts.findings,
        gateways.diagnostics,
        of_providers,
        credentials.diagnostics,
        extensions.findings,
        authentications.findings,
    )
    before = (
        previous.discovery.findings,
        previous.delegation.findings,
        previous.conflicts.findings,
        previous.gateways.diagnostics,
        previous.provider_findings,
        previous.credentials.diagnostics,
        previous.extensions.findings,
        previous.authentications.findings,
    )
    if all(map(is_, now, before)):
        return previous.diagnostics
    of_services, of_routes = discovery.findings, delegation.findings
    return (
        *chain.from_iterable(of_services[key] for key in sorted(of_services)),
        *chain.from_iterable(of_routes[key] for key in sorted(of_routes)),
        *conflicts.diagnostics,
        *gateways.diagnostics,
        *of_providers,
        *credentials.diagnostics,
        *extensions.findings,
        *authentications.findings,
    )
