"""The services that proxies tell of what they do, and those that they ask: every proxy that does has them, whatever
else it may see."""

from __future__ import annotations

from xds.model.authorization import AuthorizationAction, AuthorizationPolicy, Authorizer
from xds.model.labels import Labels
from xds.model.mesh import Mesh
from xds.model.providers import ExternalAuthorization, FileAccessLog, ProviderService
from xds.model.services import Service
from xds.model.settings import MeshSettings
from xds.model.view import VisibleService
from xds.pipeline import rules
from xds.pipeline.memo import Memo


def provider_services(mesh: Mesh, policies: tuple[AuthorizationPolicy, ...], memo: Memo) -> tuple[Service, ...]:
    """Those of the mesh's access logs, and those that the policies of a proxy name. The same while none changes."""
    if not mesh.settings.access_logs and not policies:
        return ()
    asked = memo(_asked, mesh.settings, policies)
    return memo(_together, *memo(_found, mesh.services, asked)) if asked else ()


def _asked(settings: MeshSettings, policies: tuple[AuthorizationPolicy, ...]) -> tuple[ProviderService, ...]:
    logs = (log.service for log in settings.access_logs if not isinstance(log, FileAccessLog))
    named = {policy.provider for policy in policies if policy.action is AuthorizationAction.CUSTOM}
    deciding = (each.authorization.service for each in settings.providers if each.authorization and each.name in named)
    return (*logs, *deciding)


def _found(services: tuple[Service, ...], asked: tuple[ProviderService, ...]) -> tuple[Service, ...]:
    return tuple(service for service in services if any(each.is_of(service) for each in asked))


def _together(*services: Service) -> tuple[Service, ...]:
    return services


def with_providers(
    services: tuple[VisibleService, ...],
    providers: tuple[Service, ...],
    mesh: Mesh,
    namespace: str,
    labels: Labels,
    memo: Memo,
) -> tuple[VisibleService, ...]:
    """``services`` and those of providers; the same if there are none."""
    if not providers:
        return services
    applicable = memo(rules.for_labels, mesh.destination_rules, labels, namespace)
    root, baseline = mesh.settings.root_namespace, mesh.settings.traffic_policy
    return memo(_union, services, memo(rules.visible_services, providers, applicable, namespace, root, baseline, memo))


def _union(services: tuple[VisibleService, ...], told: tuple[VisibleService, ...]) -> tuple[VisibleService, ...]:
    """By host each once: what a proxy may see counts more."""
    known = {visible.service.hostname for visible in services}
    more = {visible.service.hostname: visible for visible in told if visible.service.hostname not in known}
    return tuple(sorted((*services, *more.values()), key=lambda visible: visible.service.key)) if more else services


def authorizers_of(
    policies: tuple[AuthorizationPolicy, ...], providers: tuple[Service, ...], settings: MeshSettings, memo: Memo
) -> tuple[Authorizer, ...]:
    """Who is to be asked by action CUSTOM, by name. providers: what there is of `provider_services`."""
    return memo(_authorizers, policies, providers, settings) if policies else ()


def _authorizers(
    policies: tuple[AuthorizationPolicy, ...], providers: tuple[Service, ...], settings: MeshSettings
) -> tuple[Authorizer, ...]:
    named: dict[str, list[AuthorizationPolicy]] = {}
    for policy in policies:
        if policy.action is AuthorizationAction.CUSTOM:
            named.setdefault(policy.provider, []).append(policy)
    known = {each.name: each.authorization for each in settings.providers}
    return tuple(Authorizer(name, tuple(named[name]), _usable(known.get(name), providers)) for name in sorted(named))


def _usable(provider: ExternalAuthorization | None, services: tuple[Service, ...]) -> ExternalAuthorization | None:
    """None if nobody can be asked, as in Istio: not even one that is to fail open."""
    if provider is None:
        return None
    where = provider.service
    return provider if any(where.is_of(each) and each.port(where.port) is not None for each in services) else None
