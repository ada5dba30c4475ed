"""Blocks of a traffic policy completed by the mesh's (Istio ``MeshConfig.defaultTrafficPolicy``), field by field."""

from __future__ import annotations

from dataclasses import MISSING, Field, fields, replace
from typing import TYPE_CHECKING, TypeVar

from xds.model.policy import ConnectionPoolSettings

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Block = TypeVar("Block", bound=DataclassInstance)


def completed_pool(
    pool: ConnectionPoolSettings | None, mesh: ConnectionPoolSettings | None
) -> ConnectionPoolSettings | None:
    """A connection pool with what ``mesh`` has of TCP and of HTTP where ``pool`` does not say it."""
    if pool is None or mesh is None:
        return pool or mesh
    return ConnectionPoolSettings(completed(pool.tcp, mesh.tcp), completed(pool.http, mesh.http))


def completed(block: Block | None, mesh: Block | None) -> Block | None:
    """``block`` with the fields of ``mesh`` that it leaves at their defaults."""
    if block is None or mesh is None:
        return block or mesh
    return replace(block, **{each.name: getattr(mesh, each.name) for each in fields(block) if _is_unset(block, each)})


def _is_unset(block: DataclassInstance, field: Field[object]) -> bool:
    return field.default is not MISSING and bool(getattr(block, field.name) == field.default)
