"""A configuration object as it was written: its identity, its plain values, and the line of every field.

Lines are kept beside the values, not in them: a container's lines are a list whose first entry is the container's own
line and whose entry ``1 + i`` belongs to its ``i``-th child, in the order of the dict or list. A leaf costs one list
slot, and looking a line up costs a walk along the path, which only diagnostics and origins pay for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple, TypeAlias

from xds.model.labels import EMPTY_LABELS, Labels
from xds.model.objects import ObjectKey, ObjectMeta, Origin

Path: TypeAlias = tuple[str | int, ...]
Lines: TypeAlias = "list[int | Lines]"

DEFAULT_NAMESPACE = "default"

CLUSTER_SCOPED_KINDS = frozenset(
    {
        "APIService",
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "GatewayClass",
        "IngressClass",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "RuntimeClass",
        "StorageClass",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
    }
)

CONFIDENTIAL_KINDS = frozenset({"Secret"})
"""Their annotations are left out: kubectl keeps a copy of the whole document there."""


class Problem(NamedTuple):
    """Something wrong at a place in one document, before it is known which object the document describes."""

    path: Path
    line: int
    reason: str
    code: str


@dataclass(frozen=True, slots=True, eq=False)
class RawObject:
    """One object of a file. Compared by identity: the same unchanged text gives the same RawObject again.

    document holds only None, bool, int, float, str, list and dict with string keys, and is never changed; it is in no
    representation, because there may be a private key in it.
    digest: 16 hexadecimal characters over file, position and text. lines: see the module; empty if the source of the
    object has no lines, in which case every line is that of ``origin``.
    """

    api_version: str
    kind: str
    meta: ObjectMeta
    document: Mapping[str, object] = field(repr=False)
    digest: str
    lines: Lines = field(default_factory=list, repr=False)

    @property
    def key(self) -> ObjectKey:
        return self.meta.key

    @property
    def name(self) -> str:
        return self.meta.key.name

    @property
    def namespace(self) -> str:
        return self.meta.key.namespace

    @property
    def origin(self) -> Origin:
        return self.meta.origin

    @property
    def metadata(self) -> Mapping[str, object]:
        """The document's ``metadata``, empty if absent."""
        metadata = self.document.get("metadata")
        return metadata if isinstance(metadata, dict) else {}

    def line_of(self, path: Path) -> int:
        """The line of the field at ``path``, or of its nearest parent that was written."""
        return nearest_line(self.document, self.lines, path) if self.lines else self.meta.origin.line

    def origin_of(self, path: Path) -> Origin:
        """File and line of the field at ``path``; see :meth:`line_of`."""
        return Origin(self.meta.origin.file, self.line_of(path))


def nearest_line(value: object, lines: int | Lines, path: Path) -> int:
    """The line that ``lines`` records for ``path`` inside ``value``, or for the longest part of it that exists."""
    for step in path:
        index = _child_index(value, step)
        if isinstance(lines, int) or index is None:
            break
        value = value[step]  # type: ignore[index]  # _child_index found it: value is a container that has this step
        lines = lines[1 + index]
    return own_line(lines)


def has_path(value: object, path: Path) -> bool:
    """Whether something was written at ``path`` inside ``value``."""
    for step in path:
        if _child_index(value, step) is None:
            return False
        value = value[step]  # type: ignore[index]  # _child_index found it: value is a container that has this step
    return True


def own_line(lines: int | Lines) -> int:
    """The line of a node itself."""
    while not isinstance(lines, int):
        lines = lines[0]
    return lines


def _child_index(value: object, step: str | int) -> int | None:
    if isinstance(value, dict):
        return next((index for index, key in enumerate(value) if key == step), None)
    if isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value):
        return step
    return None


def format_path(path: Path) -> str:
    """A path in Istio's notation: ``spec.http[0].route[1].weight``. Map keys with dots are written in brackets."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif "." in step or "[" in step or not step:
            text += f'["{step}"]'
        else:
            text += f".{step}" if text else step
    return text


def identity_problems(document: object, lines: int | Lines) -> list[Problem]:
    """Why ``document`` does not describe an object: each of apiVersion, kind and metadata.name that it lacks."""
    if not isinstance(document, dict):
        reason = "not a Kubernetes-style object: apiVersion, kind and metadata are needed"
        return [Problem((), own_line(lines), reason, "not-an-object")]
    required: tuple[Path, ...] = (("apiVersion",), ("kind",), ("metadata", "name"))
    return [
        Problem(path, nearest_line(document, lines, path), "is missing", "not-an-object")
        if _at(document, path) is None
        else Problem(path, nearest_line(document, lines, path), "must be a non-empty string", "not-an-object")
        for path in required
        if not _text_at(document, path)
    ]


def partial_key(document: object) -> ObjectKey | None:
    """The identity of a document that may be incomplete or wrong; None if kind or name cannot be told."""
    kind, name = _text_at(document, ("kind",)), _text_at(document, ("metadata", "name"))
    return ObjectKey(kind, _namespace_of(document, kind), name) if kind and name else None


def make_object(document: dict[str, object], lines: Lines, file: str, digest: str) -> RawObject:
    """A RawObject of a document in which :func:`identity_problems` found nothing."""
    api_version, kind = _text_at(document, ("apiVersion",)), _text_at(document, ("kind",))
    group, _, version = api_version.rpartition("/")
    meta = ObjectMeta(
        key=ObjectKey(kind, _namespace_of(document, kind), _text_at(document, ("metadata", "name"))),
        origin=Origin(file, own_line(lines) if lines else 1),
        api_group=group,
        api_version=version,
        labels=_labels_at(document, "labels"),
        annotations=_labels_at(document, "annotations") if kind not in CONFIDENTIAL_KINDS else EMPTY_LABELS,
        created=_seconds(_text_at(document, ("metadata", "creationTimestamp"))),
    )
    return RawObject(api_version, kind, meta, document, digest, lines)


def _namespace_of(document: object, kind: str) -> str:
    if kind in CLUSTER_SCOPED_KINDS:
        return ""
    return _text_at(document, ("metadata", "namespace")) or DEFAULT_NAMESPACE


def _labels_at(document: object, name: str) -> Labels:
    value = _at(document, ("metadata", name))
    if not isinstance(value, dict) or not value:
        return EMPTY_LABELS
    return Labels({key: text for key, text in value.items() if isinstance(text, str)})


def _at(value: object, path: Path) -> object:
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _text_at(document: object, path: Path) -> str:
    value = _at(document, path)
    return value if isinstance(value, str) else ""


def _seconds(timestamp: str) -> float:
    # A wrong timestamp is reported by the schema; here it only means that the age is unknown.
    if not timestamp:
        return 0.0
    try:
        moment = datetime.fromisoformat(timestamp)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return 0.0
