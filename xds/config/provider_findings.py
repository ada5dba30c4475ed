"""Providers of the mesh's settings that no service of the mesh stands behind."""

from __future__ import annotations

from collections.abc import Iterator

from xds.model.diagnostic import Diagnostic, Severity
from xds.model.mesh import Mesh
from xds.model.objects import ObjectKey
from xds.model.providers import ProviderService
from xds.model.services import Service

_MESH_CONFIG = ObjectKey("MeshConfig", "", "mesh")


def provider_findings(mesh: Mesh) -> tuple[Diagnostic, ...]:
    """A warning for each host and port that is not there: what is meant for it is lost."""
    asked = [each.service for each in mesh.settings.providers if each.service is not None]
    if not asked:
        return ()
    by_host: dict[str, list[Service]] = {}
    for service in mesh.services:
        by_host.setdefault(service.hostname, []).append(service)
    return tuple(finding for each in asked for finding in _finding(each, by_host.get(each.hostname, [])))


def _finding(asked: ProviderService, found: list[Service]) -> Iterator[Diagnostic]:
    namespace = asked.namespace
    meant = [service for service in found if not namespace or service.meta.namespace == namespace]
    if not meant:
        where = f" in namespace {namespace}" if namespace else ""
        reason = f"there is no service {asked.hostname}{where}: what the provider is to be told is lost"
    elif not any(service.port(asked.port) for service in meant):
        reason = f"{asked.hostname} has no port {asked.port}: what the provider is to be told is lost"
    else:
        return
    if asked.origin is not None:
        yield Diagnostic(Severity.WARNING, asked.origin, reason, _MESH_CONFIG, asked.path, "unknown-host")
