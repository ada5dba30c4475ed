"""Providers of the mesh's settings that no service of the mesh stands behind, and policies with nobody to ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from xds.model.authorization import AuthorizationAction, AuthorizationPolicy
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.mesh import Mesh
from xds.model.objects import ObjectKey
from xds.model.providers import Provider, ProviderService
from xds.model.services import Service

_MESH_CONFIG = ObjectKey("MeshConfig", "", "mesh")
_LOST, _REFUSED = "what the provider is to be told is lost", "what it is to decide on is refused"


def provider_findings(mesh: Mesh) -> tuple[Diagnostic, ...]:
    """A warning for each host and port that is not there, and an error for each policy that refuses because of it."""
    asked = [each for each in mesh.settings.providers if each.service is not None]
    asking = [p for group in mesh.authorization_policies.values() for p in group if _asks(p)]
    if not asked and not asking:
        return ()
    by_host: dict[str, list[Service]] = {}
    for service in mesh.services:
        by_host.setdefault(service.hostname, []).append(service)
    missing = {each.name: _missing(each.service, by_host) for each in asked if each.service is not None}
    known = {each.name: each for each in mesh.settings.providers}
    return (
        *(finding for each in asked for finding in _of_provider(each, missing[each.name])),
        *(finding for policy in asking for finding in _of_policy(policy, known, missing)),
    )


def _asks(policy: AuthorizationPolicy) -> bool:
    return policy.action is AuthorizationAction.CUSTOM


def _missing(asked: ProviderService, by_host: Mapping[str, list[Service]]) -> str:
    """What of it is not there; empty if it is."""
    meant = [service for service in by_host.get(asked.hostname, ()) if asked.is_of(service)]
    if not meant:
        return f"there is no service {asked.hostname}{f' in namespace {asked.namespace}' if asked.namespace else ''}"
    return "" if any(service.port(asked.port) for service in meant) else f"{asked.hostname} has no port {asked.port}"


def _of_provider(provider: Provider, missing: str) -> Iterator[Diagnostic]:
    where = provider.service
    if missing and where is not None and where.origin is not None:
        reason = f"{missing}: {_LOST if provider.authorization is None else _REFUSED}"
        yield Diagnostic(Severity.WARNING, where.origin, reason, _MESH_CONFIG, where.path, "unknown-host")


def _of_policy(
    policy: AuthorizationPolicy, known: Mapping[str, Provider], missing: Mapping[str, str]
) -> Iterator[Diagnostic]:
    name, place = policy.provider, policy.provider_place
    provider = known.get(name)
    if provider is None:
        deciding = [each.name for each in known.values() if each.authorization is not None]
        near = get_close_matches(name, deciding, n=1, cutoff=0.6) if len(name) <= _COMPARED else []
        instead = f"do you mean {near[0]}?" if near else f"known are: {', '.join(sorted(deciding)) or 'none'}"
        reason = f"there is no provider {name[:_COMPARED]} ({instead})"
    elif provider.authorization is None:
        reason = f"the provider {name} is {provider.kind}, which decides on nothing"
    elif missing[name]:
        reason = f"nobody can be asked, as for the provider {name} {missing[name]}"
    else:
        return
    if place is not None:
        reason = f"{reason}: what the rules match is refused"
        yield Diagnostic(Severity.ERROR, place.origin, reason, policy.meta.key, place.path, "unknown-provider")


_COMPARED = 100
"""A name that is longer is not like any."""
