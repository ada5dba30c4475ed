"""Encoded, content-addressed resources: what is on its way to Envoys.

Belongs here: one encoded resource with its version, the set of all resources of a type, the snapshot of all types,
and the difference between two of them. Does not belong here: what a resource means, how it is encoded, I/O.
"""

from xds.resources.resource import NO_SOURCES, PartSources, PatchedBy, Reference, Resource, Source, content_version
from xds.resources.snapshot import EMPTY_SET, EMPTY_SNAPSHOT, ResourceSet, Snapshot
from xds.resources.types import (
    CLUSTER,
    ENDPOINT,
    LISTENER,
    ROUTE,
    SECRET,
    TYPE_ORDER,
    VIRTUAL_HOST,
    TypeUrl,
)

__all__ = [
    "CLUSTER",
    "EMPTY_SET",
    "EMPTY_SNAPSHOT",
    "ENDPOINT",
    "LISTENER",
    "NO_SOURCES",
    "ROUTE",
    "SECRET",
    "TYPE_ORDER",
    "VIRTUAL_HOST",
    "PartSources",
    "PatchedBy",
    "Reference",
    "Resource",
    "ResourceSet",
    "Snapshot",
    "Source",
    "TypeUrl",
    "content_version",
]
