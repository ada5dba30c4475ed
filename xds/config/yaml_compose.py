"""One YAML document's text to plain values and lines, within bounds.

Built on the C parser's events, not on its ``compose``: that recurses in C, and a few kilobytes of nested brackets end
the process. The event loop keeps its own stack, so depth, size and what aliases expand to are bounded as they grow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

from yaml import YAMLError
from yaml._yaml import CParser
from yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from xds.config.document import Lines, Path, Problem, own_line
from xds.config.yaml_errors import explain, explain_character
from xds.config.yaml_scalars import NOT_NAMES, resolve_plain, resolve_tagged, short_tag

MAX_DEPTH: Final = 64
MAX_NODES: Final = 1_000_000
MAX_PROBLEMS: Final = 100
SYNTAX: Final = "yaml-syntax"

_COLLECTION_TAGS = (None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")


@dataclass(frozen=True, slots=True)
class Composed:
    """A document's value and lines. With problems the value is only good for telling which object it may have been."""

    value: object
    lines: int | Lines
    problems: tuple[Problem, ...] = ()
    present: bool = True


class _Fatal(Exception):  # noqa: N818  # never leaves this module
    def __init__(self, line: int, reason: str, code: str = SYNTAX) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason
        self.code = code


class _Frame:
    """A container that is still open."""

    __slots__ = ("anchor", "height", "is_mapping", "key", "key_line", "lines", "merges", "merging", "nodes", "value")

    def __init__(self, value: list[object] | dict[str, object], line: int, anchor: str | None, nodes: int) -> None:
        self.value = value
        self.is_mapping = type(value) is dict
        self.lines: Lines = [line]
        self.key: str | None = None
        self.key_line = line
        self.merging = False
        self.merges: list[tuple[object, int | Lines]] = []
        self.anchor = anchor
        self.height = 1
        self.nodes = nodes


@dataclass(frozen=True, slots=True)
class _Anchored:
    value: object
    lines: int | Lines
    nodes: int
    height: int


def compose(text: str, first_line: int) -> Composed:
    """Read the single document in ``text``, whose first line is ``first_line`` of its file. Never raises."""
    composer = _Composer(first_line)
    try:
        next_event = CParser(text).get_event
        while (event := next_event()) is not None:
            composer.feed(event)
    except _Fatal as fatal:
        return composer.result(fatal.line, fatal.reason, fatal.code)
    except YAMLError as error:
        line, reason = explain(error, text)
        return composer.result(first_line + line, reason)
    except UnicodeError:
        line, reason = explain_character(text)
        return composer.result(first_line + line, reason)
    return composer.result()


class _Composer:
    def __init__(self, first_line: int) -> None:
        self._first_line = first_line
        self._root = _Frame([], first_line, None, 0)
        self._frame = self._root
        self._stack: list[_Frame] = []
        self._nodes = 0
        self._documents = 0
        self._anchors: dict[str, _Anchored] = {}
        self._problems: list[Problem] = []

    def feed(self, event: Event) -> None:
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event)

    def result(self, line: int = 0, reason: str = "", code: str = SYNTAX) -> Composed:
        """What was composed, and why it stopped if it did."""
        problems = tuple(self._problems)
        if reason:
            # After a syntax error the parser's place in the text says more than the field it had last begun.
            problems += (Problem(() if code == SYNTAX else self._path(), line, reason, code),)
        root = cast("list[object]", self._root.value)
        if not root:
            return Composed(None, line or self._first_line, problems, present=False)
        return Composed(root[0], self._root.lines[1], problems)

    def _document(self, event: Event) -> None:
        self._documents += 1
        if self._documents > 1:
            raise _Fatal(self._line(event), "unexpected text after the end of the document")

    def _scalar(self, event: ScalarEvent) -> None:
        frame = self._frame
        line = event.start_mark.line + self._first_line  # type: ignore[union-attr]  # the C parser always sets it
        if frame.is_mapping and frame.key is None:
            self._take_key(frame, event, line)
            return
        if event.tag is not None:
            value = self._tagged(event, line)
        else:
            value = event.value if event.style else resolve_plain(event.value)
        self._count(1, line)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(value, line, 1, 0)
        self._add(value, line)

    def _tagged(self, event: ScalarEvent, line: int) -> object:
        try:
            return resolve_tagged(event.value, event.tag or "!")
        except ValueError as error:
            self._report(line, str(error), SYNTAX)
            return None

    def _take_key(self, frame: _Frame, event: ScalarEvent, line: int) -> None:
        key = event.value
        plain = not event.style and event.tag is None
        frame.merging = plain and key == "<<"
        self._set_key(frame, key, line)
        # Numbers are taken as written, as Kubernetes does: maps keyed by port are common.
        if plain and key in NOT_NAMES:
            self._report(line, f"the field name {key or 'null'} is not a string: quote it", "non-string-key")
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(key, line, 1, 0)

    def _set_key(self, frame: _Frame, key: str, line: int) -> None:
        frame.key, frame.key_line = key, line
        container = cast("dict[str, object]", frame.value)
        if key in container and not frame.merging:
            index = list(container).index(key)
            del container[key]
            first = own_line(frame.lines.pop(1 + index))
            self._report(line, f"the field is already given in line {first}", "duplicate-key")

    def _add(self, value: object, lines: int | Lines) -> None:
        frame = self._frame
        container = frame.value
        if type(container) is not dict:
            cast("list[object]", container).append(value)
            frame.lines.append(lines)
        elif frame.merging:
            frame.merges.append((value, lines))
            frame.merging, frame.key = False, None
        else:
            container[cast(str, frame.key)] = value
            frame.lines.append(_relocated(lines, frame.key_line))
            frame.key = None

    def _open(self, event: CollectionStartEvent) -> None:
        parent, line = self._frame, self._line(event)
        if parent.is_mapping and parent.key is None:
            raise _Fatal(line, "a field name must be a string", "non-string-key")
        if event.tag not in _COLLECTION_TAGS:
            self._report(line, f"the tag {short_tag(event.tag or '')} is not supported", SYNTAX)
        if len(self._stack) >= MAX_DEPTH:
            raise _Fatal(line, f"nested deeper than {MAX_DEPTH} levels", "too-large")
        self._count(1, line)
        value: list[object] | dict[str, object] = {} if type(event) is MappingStartEvent else []
        frame = _Frame(value, line, event.anchor, self._nodes - 1)
        if parent.is_mapping:
            frame.lines[0] = parent.key_line
        self._add(value, frame.lines)
        self._stack.append(parent)
        self._frame = frame

    def _close(self, _event: Event) -> None:
        frame = self._frame
        parent = self._frame = self._stack.pop()
        parent.height = max(parent.height, frame.height + 1)
        if frame.merges:
            self._merge(frame)
        if frame.anchor is not None:
            nodes = self._nodes - frame.nodes
            self._anchors[frame.anchor] = _Anchored(frame.value, frame.lines, nodes, frame.height)

    def _merge(self, frame: _Frame) -> None:
        target = cast("dict[str, object]", frame.value)
        for value, lines in frame.merges:
            for source, source_lines in _merge_sources(value, lines):
                if not isinstance(source, dict) or isinstance(source_lines, int):
                    self._report(own_line(lines), "'<<' merges a mapping or a list of mappings", SYNTAX)
                    continue
                for index, (key, child) in enumerate(source.items(), 1):
                    if key not in target:
                        target[key] = child
                        frame.lines.append(source_lines[index])

    def _alias(self, event: AliasEvent) -> None:
        line, frame = self._line(event), self._frame
        anchored = self._anchors.get(event.anchor or "")
        if anchored is None:
            raise _Fatal(line, f"the alias *{event.anchor} refers to no anchor defined before it")
        if frame.is_mapping and frame.key is None:
            if not isinstance(anchored.value, str):
                raise _Fatal(line, "a field name must be a string", "non-string-key")
            self._set_key(frame, anchored.value, line)
            return
        self._count(anchored.nodes, line)
        if len(self._stack) + anchored.height > MAX_DEPTH:
            raise _Fatal(line, f"nested deeper than {MAX_DEPTH} levels", "too-large")
        frame.height = max(frame.height, anchored.height + 1)
        self._add(anchored.value, _relocated(anchored.lines, line))

    def _count(self, nodes: int, line: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise _Fatal(line, f"more than {MAX_NODES} values, counting what aliases repeat", "too-large")

    def _line(self, event: Event) -> int:
        return (event.start_mark.line if event.start_mark else 0) + self._first_line

    def _report(self, line: int, reason: str, code: str) -> None:
        self._problems.append(Problem(self._path(), line, reason, code))
        if len(self._problems) >= MAX_PROBLEMS:
            raise _Fatal(line, f"more than {MAX_PROBLEMS} problems in one document")

    def _path(self) -> Path:
        steps = [_open_step(frame) for frame in self._stack[1:]]
        if self._frame is not self._root:
            steps.append(self._frame.key if self._frame.is_mapping else len(self._frame.value))
        return tuple(step for step in steps if step is not None)


_HANDLERS: Final[dict[type[Event], Callable[..., None]]] = {
    ScalarEvent: _Composer._scalar,
    MappingStartEvent: _Composer._open,
    SequenceStartEvent: _Composer._open,
    MappingEndEvent: _Composer._close,
    SequenceEndEvent: _Composer._close,
    AliasEvent: _Composer._alias,
    DocumentStartEvent: _Composer._document,
}


def _open_step(frame: _Frame) -> str | int | None:
    """Which child of an outer container is open: the newest, whose key has been taken back already."""
    return next(reversed(cast("dict[str, object]", frame.value)), None) if frame.is_mapping else len(frame.value) - 1


def _relocated(lines: int | Lines, line: int) -> int | Lines:
    """The same node's lines when the node itself stands on ``line``: an alias is where it is used, not defined."""
    if isinstance(lines, int):
        return line
    return lines if lines[0] == line else [line, *lines[1:]]


def _merge_sources(value: object, lines: int | Lines) -> list[tuple[object, int | Lines]]:
    if isinstance(value, list) and not isinstance(lines, int):
        return list(zip(value, lines[1:], strict=True))
    return [(value, lines)]
