"""The contract of a file in this package: one kind of object, and how a document of it becomes a model value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from xds.config.document import RawObject
from xds.model.diagnostic import Diagnostic

T_co = TypeVar("T_co", covariant=True)

ISTIO_NETWORKING = "networking.istio.io"
ISTIO_NETWORKING_VERSIONS = ("v1", "v1beta1", "v1alpha3")
ISTIO_SECURITY = "security.istio.io"
ISTIO_SECURITY_VERSIONS = ("v1", "v1beta1")
ISTIO_EXTENSIONS = "extensions.istio.io"
ISTIO_EXTENSIONS_VERSIONS = ("v1alpha1",)


@dataclass(frozen=True, slots=True)
class Context:
    """What a parser needs to know beyond the document.

    domain_suffix: the cluster's DNS domain, which completes short host names. root_namespace: where mesh-wide objects
    live (Istio ``MeshConfig.rootNamespace``). The others: who sees a service, a VirtualService and a DestinationRule
    that do not say it, ``.`` being their own namespace.
    """

    domain_suffix: str = "cluster.local"
    root_namespace: str = "istio-system"
    service_export_to: tuple[str, ...] = ("*",)
    virtual_service_export_to: tuple[str, ...] = ("*",)
    destination_rule_export_to: tuple[str, ...] = ("*",)


@dataclass(frozen=True, slots=True)
class Kind(Generic[T_co]):
    """A kind of object that takes effect.

    group: the API group, empty for Kubernetes' core. versions: those whose documents have this shape.
    honoured: dotted paths of the fields that have an effect, such as ``spec.http.match.uri.exact``: list indices left
    out, ``*`` for any key of a map, a trailing ``.*`` for everything below. Any other field that the schema knows is
    reported as accepted but without effect.
    tolerated: those that are written for others than a proxy, so that nobody expects an effect, and none is reported.
    parse: never raises for a document that its schema accepts. It returns the object, or None if it has an error,
    and what there is to say about it.
    """

    name: str
    group: str
    versions: tuple[str, ...]
    honoured: frozenset[str]
    parse: Callable[[RawObject, Context], tuple[T_co | None, tuple[Diagnostic, ...]]]
    tolerated: frozenset[str] = frozenset()
    expected: frozenset[str] = field(init=False, repr=False)
    """The fields that are not reported."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "expected", self.honoured | self.tolerated)
