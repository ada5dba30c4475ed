"""The services that proxies tell of what they do: every proxy has them, whatever else it may see."""

from __future__ import annotations

from xds.model.labels import Labels
from xds.model.mesh import Mesh
from xds.model.providers import AccessLogProvider, FileAccessLog
from xds.model.services import Service
from xds.model.view import VisibleService
from xds.pipeline import rules
from xds.pipeline.memo import Memo


def with_providers(
    services: tuple[VisibleService, ...], mesh: Mesh, namespace: str, labels: Labels, memo: Memo
) -> tuple[VisibleService, ...]:
    """``services`` and those of the mesh's access logs; the same if there are none."""
    settings = mesh.settings
    told = memo(_told, mesh.services, settings.access_logs) if settings.access_logs else ()
    if not told:
        return services
    applicable = memo(rules.for_labels, mesh.destination_rules, labels, namespace)
    root, baseline = settings.root_namespace, settings.traffic_policy
    return memo(_union, services, memo(rules.visible_services, told, applicable, namespace, root, baseline, memo))


def _told(services: tuple[Service, ...], logs: tuple[AccessLogProvider, ...]) -> tuple[Service, ...]:
    asked = [log.service for log in logs if not isinstance(log, FileAccessLog)]
    return tuple(
        service
        for service in services
        if any(each.hostname == service.hostname and each.namespace in ("", service.meta.namespace) for each in asked)
    )


def _union(services: tuple[VisibleService, ...], told: tuple[VisibleService, ...]) -> tuple[VisibleService, ...]:
    """By host each once: what a proxy may see counts more."""
    known = {visible.service.hostname for visible in services}
    more = {visible.service.hostname: visible for visible in told if visible.service.hostname not in known}
    return tuple(sorted((*services, *more.values()), key=lambda visible: visible.service.key)) if more else services
