"""A file's text to objects: YAML and JSON, many documents, each judged on its own.

Parsing is incremental. Given the previous result of the same file, a document whose text and first line are unchanged
is the same RawObject again, which is what everything downstream memoises on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from xds.config.document import (
    Lines,
    Path,
    Problem,
    RawObject,
    format_path,
    identity_problems,
    make_object,
    partial_key,
)
from xds.config.yaml_compose import SYNTAX, Composed, compose
from xds.config.yaml_split import Chunk, normalise, split
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.objects import ObjectKey, ObjectMeta, Origin

MAX_CHARACTERS: Final = 10 * 1024 * 1024
_UNPARSABLE_CODES: Final = frozenset({SYNTAX, "too-large"})


@dataclass(frozen=True, slots=True)
class ParsedChunk:
    """What one document gave: several objects if it is a ``kind: List``."""

    objects: tuple[RawObject, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    unparsable: bool = False


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """What one file gave.

    diagnostics: all errors; one whose ``object`` is set concerns a document that is not among ``objects`` although it
    was to be that object. unparsable: how many documents are not YAML at all, or beyond the bounds.
    """

    file: str
    objects: tuple[RawObject, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    unparsable: int = 0
    chunks: Mapping[Chunk, ParsedChunk] = field(default_factory=dict, repr=False)


def parse_documents(text: str, file: str, previous: ParsedFile | None = None) -> ParsedFile:
    """Read every document of ``text``. Never raises: what cannot be read becomes an error diagnostic.

    file: the name that origins carry. previous: an earlier result, whose unchanged documents are reused; if nothing
    changed at all, it is returned itself.
    """
    if len(text) > MAX_CHARACTERS:
        return _too_large(file)
    known = previous.chunks if previous is not None and previous.file == file else {}
    chunks = {chunk: known.get(chunk) or _parse_chunk(chunk, file) for chunk in split(normalise(text))}
    if previous is not None and chunks.keys() == known.keys() and previous.file == file:
        return previous
    return ParsedFile(
        file=file,
        objects=tuple(found for parsed in chunks.values() for found in parsed.objects),
        diagnostics=tuple(found for parsed in chunks.values() for found in parsed.diagnostics),
        unparsable=sum(parsed.unparsable for parsed in chunks.values()),
        chunks=chunks,
    )


def parse_settings(
    text: str, file: str, kind: str, name: str = "mesh"
) -> tuple[RawObject | None, tuple[Diagnostic, ...]]:
    """Read a file that holds one bare mapping without apiVersion and metadata, such as Istio's MeshConfig.

    The RawObject has the given kind and name, no namespace, and the mapping as its document. None if there are
    errors; an empty file is an empty mapping.
    """
    key = ObjectKey(kind, "", name)
    chunks = list(split(normalise(text)))
    chunk = chunks[0] if chunks else Chunk(1, "{}")
    composed = compose(chunk.text, chunk.line)
    problems = list(composed.problems)
    document = {} if composed.value is None else composed.value
    if not problems and not isinstance(document, dict):
        problems.append(Problem((), chunk.line, "must be a mapping of fields", "not-an-object"))
    problems += [Problem((), extra.line, "only one document is allowed here", "not-an-object") for extra in chunks[1:]]
    if problems or not isinstance(document, dict):
        return None, tuple(_diagnostic(problem, file, key) for problem in problems)
    meta = ObjectMeta(key=key, origin=Origin(file, chunk.line))
    lines = composed.lines if isinstance(composed.lines, list) else []
    return RawObject("", kind, meta, document, _digest(file, chunk, 0), lines), ()


def _too_large(file: str) -> ParsedFile:
    reason = f"larger than {MAX_CHARACTERS // (1024 * 1024)} MB"
    return ParsedFile(file, diagnostics=(_diagnostic(Problem((), 1, reason, "too-large"), file, None),), unparsable=1)


def _parse_chunk(chunk: Chunk, file: str) -> ParsedChunk:
    composed = compose(chunk.text, chunk.line)
    if composed.problems:
        key = partial_key(composed.value)
        unparsable = any(problem.code in _UNPARSABLE_CODES for problem in composed.problems)
        return ParsedChunk((), tuple(_diagnostic(problem, file, key) for problem in composed.problems), unparsable)
    if composed.value is None:
        return ParsedChunk()
    objects: list[RawObject] = []
    diagnostics: list[Diagnostic] = []
    for index, (path, item) in enumerate(_items(composed)):
        problems = identity_problems(item.value, item.lines)
        key = partial_key(item.value)
        diagnostics += [_diagnostic(problem, file, key, path) for problem in problems]
        if not problems and isinstance(item.value, dict) and isinstance(item.lines, list):
            objects.append(make_object(item.value, item.lines, file, _digest(file, chunk, index)))
    return ParsedChunk(tuple(objects), tuple(diagnostics))


def _items(composed: Composed) -> Iterator[tuple[Path, Composed]]:
    """The document itself or, if it is a Kubernetes list, what it lists."""
    document, lines = composed.value, composed.lines
    items = document.get("items") if isinstance(document, dict) and _is_list(document) else None
    if not isinstance(document, dict) or not isinstance(items, list) or isinstance(lines, int):
        yield (), composed
        return
    item_lines = lines[1 + list(document).index("items")]
    for index, item in enumerate(items):
        yield ("items", index), Composed(item, _line_of_item(item_lines, index))


def _is_list(document: Mapping[str, object]) -> bool:
    kind = document.get("kind")
    return isinstance(kind, str) and kind.endswith("List") and "apiVersion" in document


def _line_of_item(lines: int | Lines, index: int) -> int | Lines:
    return lines if isinstance(lines, int) else lines[1 + index]


def _digest(file: str, chunk: Chunk, index: int) -> str:
    content = f"{file}\n{chunk.line}\n{index}\n{chunk.text}"
    return blake2b(content.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _diagnostic(problem: Problem, file: str, key: ObjectKey | None, within: Path = ()) -> Diagnostic:
    return Diagnostic(
        severity=Severity.ERROR,
        origin=Origin(file, problem.line),
        reason=problem.reason,
        object=key,
        path=format_path((*within, *problem.path)),
        code=problem.code,
    )
