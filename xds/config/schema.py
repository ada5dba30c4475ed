"""What each kind's documents may contain, and what of it takes effect.

The facts are in ``schema/*.json``, in the notation of :mod:`xds.config.schema_format`: Istio's kinds, the parts of the
Kubernetes kinds that are used here (their other fields are tolerated), and Istio's MeshConfig. They are read on first
use, and a kind is compiled when it is first asked for.

Dotted paths name fields regardless of position: list indices are left out, a key of a map of messages is ``*``
(``spec.http.match.headers.*.exact``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Final, TypeAlias

from xds.config.document import Path, RawObject, format_path
from xds.config.schema_format import Compiler
from xds.config.schema_leaves import Leaf, Node
from xds.config.schema_nodes import ListOf, MapOf, Message, Report
from xds.model.diagnostic import Diagnostic, Severity

Coverage: TypeAlias = "dict[str, Coverage | None]"
"""A tree of honoured fields by name; None covers everything below."""

_FILES: Final = ("istio.json", "kubernetes.json", "mesh-config.json")
_ENVELOPE: Final = frozenset({"apiVersion", "kind", "metadata", "status"})


@dataclass(frozen=True, slots=True, eq=False)
class Schema:
    """The schema of one kind. versions: the served API versions, without the group."""

    kind: str
    group: str
    versions: tuple[str, ...]
    plural: str
    short_names: tuple[str, ...]
    root: Message = field(repr=False)


def find_schema(kind: str, group: str) -> Schema | None:
    """The schema of a kind of an API group (empty for Kubernetes' core and for MeshConfig); None if unknown."""
    library = _library()
    source = library.kinds.get((group, kind))
    return _compiled(group, kind) if source is not None else None


def known_kinds() -> tuple[tuple[str, str], ...]:
    """(group, kind) of every kind that has a schema, sorted."""
    return tuple(sorted(_library().kinds))


def validate(raw: RawObject, schema: Schema) -> list[Diagnostic]:
    """Every structural error of a document: empty if and only if readers may rely on the schema."""
    found: list[Diagnostic] = []
    report = _reporter(raw, Severity.ERROR, found)
    if raw.meta.api_version not in schema.versions:
        served = " or ".join(f"{schema.group}/{version}".lstrip("/") for version in schema.versions)
        report(("apiVersion",), f"{raw.api_version} is not a version of {schema.kind}: use {served}", "unknown-version")
    schema.root.walk(raw.document, (), report)
    return found


def not_honoured(raw: RawObject, schema: Schema, honoured: frozenset[str]) -> list[Diagnostic]:
    """A warning for every field that is given and known but does not take effect: the outermost such field.

    honoured: dotted paths of the fields that do; ``spec.tls.*`` covers all below ``spec.tls``, ``spec.tls`` alone only
    its presence unless it is a leaf. Null values and fields that the schema does not know are passed over.

    :raises ValueError: a path in ``honoured`` is no field of the kind.
    """
    found: list[Diagnostic] = []
    report = _reporter(raw, Severity.WARNING, found)
    coverage = _coverage(schema, honoured)
    fields = {name: node for name, node in schema.root.fields.items() if name not in _ENVELOPE}
    _find_unhonoured(fields, raw.document, coverage, (), report)
    return found


def field_paths(kind: str, group: str) -> tuple[str, ...]:
    """The dotted path of every leaf field of a kind, in the schema's order, without metadata.

    The status is left out unless the schema says what is in it: a Pod's is read, others are the cluster's own notes.

    :raises KeyError: there is no such kind.
    """
    schema = find_schema(kind, group)
    if schema is None:
        raise KeyError(f"{group}/{kind}")
    nodes = schema.root.fields.items()
    fields = ((name, node) for name, node in nodes if name not in _ENVELOPE or isinstance(node, Message))
    return tuple(path for name, node in fields if name != "metadata" for path in _leaf_paths(node, name))


@dataclass(frozen=True, slots=True)
class _Library:
    kinds: Mapping[tuple[str, str], Mapping[str, object]]
    compiler: Compiler


@cache
def _library() -> _Library:
    sources = [json.loads(files(__package__).joinpath("schema", name).read_text("utf-8")) for name in _FILES]
    kinds = {(str(entry["group"]), kind): entry for source in sources for kind, entry in source["kinds"].items()}
    messages = {name: message for source in sources for name, message in source["messages"].items()}
    return _Library(kinds, Compiler(messages))


@cache
def _compiled(group: str, kind: str) -> Schema:
    library = _library()
    entry = library.kinds[group, kind]
    envelope = {} if entry.get("bare") else {"apiVersion!": "string", "kind!": "string", "metadata!": "ObjectMeta"}
    fields = entry["fields"]
    source = {**envelope, **(fields if isinstance(fields, dict) else {}), "@open": entry.get("open") is True}
    return Schema(
        kind=kind,
        group=group,
        versions=_strings(entry["versions"]),
        plural=str(entry["plural"]),
        short_names=_strings(entry["shortNames"]),
        root=library.compiler.compile(f"{group}/{kind}", source),
    )


def _strings(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def _reporter(raw: RawObject, severity: Severity, found: list[Diagnostic]) -> Report:
    def report(path: Path, reason: str, code: str) -> None:
        found.append(Diagnostic(severity, raw.origin_of(path), reason, raw.key, format_path(path), code))

    return report


def _find_unhonoured(fields: Mapping[str, Node], value: object, coverage: Coverage, path: Path, report: Report) -> None:
    if not isinstance(value, dict):
        return
    for name, child in value.items():
        node = fields.get(name)
        if node is None or child is None:
            continue
        if name not in coverage:
            report((*path, name), "not honoured yet: this field has no effect", "not-honoured")
            continue
        below = coverage[name]
        if below is not None:
            _descend(node, child, below, (*path, name), report)


def _descend(node: Node, value: object, coverage: Coverage, path: Path, report: Report) -> None:
    if isinstance(node, Message):
        _find_unhonoured(node.fields, value, coverage, path, report)
    elif isinstance(node, ListOf) and isinstance(value, list):
        for index, item in enumerate(value):
            _descend(node.item, item, coverage, (*path, index), report)
    elif isinstance(node, MapOf) and isinstance(value, dict):
        below = coverage.get("*", {})
        for name, item in value.items():
            if below is not None:
                _descend(node.value, item, below, (*path, name), report)


@cache
def _coverage(schema: Schema, honoured: frozenset[str]) -> Coverage:
    tree: Coverage = {}
    for path in sorted(honoured):
        _cover(tree, schema, path)
    return tree


def _cover(tree: Coverage, schema: Schema, path: str) -> None:
    steps = path.removesuffix(".*").split(".")
    node: Node = schema.root
    branch: Coverage | None = tree
    for index, step in enumerate(steps):
        node = _child(node, step, path)
        is_last = index == len(steps) - 1
        covers = is_last and (path.endswith(".*") or _is_leaf(node))
        if branch is None:
            return
        branch[step] = None if covers else branch.get(step, {})
        branch = branch[step]


def _child(node: Node, step: str, path: str) -> Node:
    node = _item(node)
    if isinstance(node, MapOf) and step == "*":
        return node.value
    if isinstance(node, Message) and step in node.fields:
        return node.fields[step]
    raise ValueError(f"{path} names no field: there is no {step}")


def _item(node: Node) -> Node:
    while isinstance(node, ListOf):
        node = node.item
    return node


def _is_leaf(node: Node) -> bool:
    node = _item(node)
    return isinstance(node, Leaf) or (isinstance(node, MapOf) and _is_leaf(node.value))


def _leaf_paths(node: Node, path: str, within: Set[Node] = frozenset()) -> Iterator[str]:
    node = _item(node)
    if isinstance(node, MapOf) and not _is_leaf(node):
        yield from _leaf_paths(node.value, f"{path}.*", within)
    elif isinstance(node, Message) and node.fields and node not in within:
        for name, child in node.fields.items():
            yield from _leaf_paths(child, f"{path}.{name}", within | {node})
    else:
        yield path
