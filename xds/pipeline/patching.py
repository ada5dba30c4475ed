"""User patches: decoded, changed, encoded again, once for one input."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import betterproto2
from envoy_data_plane.envoy.config.endpoint.v3 import ClusterLoadAssignment
from envoy_data_plane.envoy.config.route.v3 import VirtualHost

from xds.pipeline.contribution import Patch
from xds.pipeline.memo import Memo
from xds.pipeline.references import aliases_of, references_of
from xds.pipeline.translator import type_url_of
from xds.resources import Resource, ResourceSet, TypeUrl
from xds.wire.encode import encode

Apply = Callable[[betterproto2.Message], betterproto2.Message]

Report = Callable[[str], None]
"""Takes a sentence about something in the contributions that could not be used."""


def patch_virtual_host(name: str, body: bytes, patches: Sequence[Patch], memo: Memo, report: Report) -> bytes:
    """The virtual host after every one of these patches that is meant for it; the same object if there is none."""
    for patch in patches:
        if patch.name in (None, name):
            try:
                body = memo(_patched_body, patch.apply, VirtualHost, body)
            except Exception as error:  # noqa: BLE001 - whatever a user's function raises costs its own patch only
                report(f"a patch of VirtualHost {name!r} failed and is left out: {error!r}")
    return body


def patch_resources(
    resources: ResourceSet, type_url: TypeUrl, patches: Sequence[Patch], memo: Memo, report: Report
) -> ResourceSet:
    """The set after every patch that is meant for resources of its type; the same object if there is none."""
    relevant = [patch for patch in patches if type_url_of(patch.message) == type_url]
    if not relevant:
        return resources
    patched = {resource.name: resource for resource in resources}
    for patch in relevant:
        targets = list(patched) if patch.name is None else [patch.name]
        for name in targets:
            if name not in patched:
                continue  # a patch is written for a mesh, and not every proxy has every resource
            try:
                patched[name] = memo(_patched_resource, patch.apply, patch.message, patched[name])
            except Exception as error:  # noqa: BLE001 - whatever a user's function raises costs its own patch only
                report(f"a patch of {patch.message.__name__} {name!r} failed and is left out: {error!r}")
    return ResourceSet(patched)


def _patched_body(apply: Apply, message: type[betterproto2.Message], body: bytes) -> bytes:
    after = apply(message.parse(body))
    if not isinstance(after, message):
        raise TypeError(f"a patch of {message.__name__} returned {type(after).__name__}")
    return encode(after)


def _patched_resource(apply: Apply, message: type[betterproto2.Message], resource: Resource) -> Resource:
    body = _patched_body(apply, message, resource.body)
    after = message.parse(body)
    name = after.cluster_name if isinstance(after, ClusterLoadAssignment) else getattr(after, "name", "")
    if name != resource.name:
        raise ValueError(f"it renames the resource to {name!r}, and others refer to it by its name")
    return Resource.of(
        resource.type_url,
        resource.name,
        body,
        references_of(after),
        resource.origins,
        ttl=resource.ttl,
        aliases=aliases_of(after),
    )
