"""Which AuthorizationPolicies are for a proxy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from xds.model.authorization import AuthorizationPolicy
from xds.model.labels import Labels
from xds.model.mesh import Mesh
from xds.model.view import ViewKey
from xds.pipeline.attachment import attached
from xds.pipeline.memo import Memo

Policies: TypeAlias = tuple[AuthorizationPolicy, ...]


def authorization_of(mesh: Mesh, key: ViewKey, memo: Memo) -> Policies:
    """Those of its namespace and of the root namespace that select it. The same tuple while none of them changes.

    gRPC clients without a proxy have none: they ask, and are not asked.
    """
    if not mesh.authorization_policies or key.proxyless:
        return ()
    chosen = memo(_chosen, mesh.authorization_policies, mesh.settings.root_namespace, key.namespace, key.labels)
    return memo(_together, *chosen)


def _chosen(policies: Mapping[str, Policies], root_namespace: str, namespace: str, labels: Labels) -> Policies:
    return tuple(attached(policies, root_namespace, namespace, labels))


def _together(*policies: AuthorizationPolicy) -> Policies:
    return policies
