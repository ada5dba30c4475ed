"""What identifies a configuration object and says where it came from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from xds.model.labels import EMPTY_LABELS, Labels


class Origin(NamedTuple):
    """Where a statement was written: a file (or another source's name for it) and its line, counted from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Place(NamedTuple):
    """A field, and where it is written. path: rooted at the document, in Istio's notation: ``spec.http[0].match``."""

    origin: Origin
    path: str


class ObjectKey(NamedTuple):
    """The identity of a configuration object. One key has one object in force, whatever API version it uses."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """``Kind/name.ns``, or ``Kind/name`` for a kind without namespaces."""
        return f"{self.kind}/{self.name}.{self.namespace}" if self.namespace else f"{self.kind}/{self.name}"


def mentioned_first(keys: Iterable[ObjectKey], text: str) -> list[ObjectKey]:
    """The keys without repetition, those first of which ``text`` has ``name.namespace`` in it.

    What Envoy says of a resource names hosts and domains, which often have the name of an object behind them.
    """
    return sorted(dict.fromkeys(keys), key=lambda key: f"{key.name}.{key.namespace}" not in text)


@dataclass(frozen=True, slots=True)
class ObjectMeta:
    """Metadata that every configuration object carries (Kubernetes ``ObjectMeta``).

    created: ``metadata.creationTimestamp`` as seconds since the epoch, 0 if absent. "The oldest wins" compares
    ``age_order``, which falls back on namespace and name so that the answer never depends on file order.
    """

    key: ObjectKey
    origin: Origin
    api_group: str = ""
    api_version: str = ""
    labels: Labels = EMPTY_LABELS
    annotations: Labels = EMPTY_LABELS
    created: float = 0.0

    @property
    def name(self) -> str:
        return self.key.name

    @property
    def namespace(self) -> str:
        return self.key.namespace

    @property
    def age_order(self) -> tuple[float, str, str]:
        """Sorts oldest first, then by namespace and name."""
        return (self.created, self.key.namespace, self.key.name)
