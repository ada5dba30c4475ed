"""Which golden case proves that a field has an effect: without the field, or with another value, the case has another
result, and no more errors than before.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from tests.goldens.case import Case, cases
from tests.goldens.mutation import Document, places, variants
from xds.config.document import RawObject
from xds.config.kinds.mesh_config import KIND_NAME, read_mesh_config
from xds.config.yaml import parse_documents

_SETTINGS = "mesh-config.yaml"
_INPUT = "input.yaml"


@dataclass(frozen=True)
class Bench:
    """A case whose documents can be exchanged."""

    case: Case

    @cached_property
    def documents(self) -> tuple[RawObject, ...]:
        """What the input has, without what cannot be read."""
        return parse_documents(self.case.text(_INPUT), _INPUT).objects

    @cached_property
    def settings(self) -> RawObject | None:
        """The MeshConfig of the case, if it has one."""
        text = self.case.text(_SETTINGS)
        return read_mesh_config(text, _SETTINGS)[0] if text else None

    @cached_property
    def unchanged(self) -> tuple[object, int]:
        """The result of the case, and its number of errors."""
        return self._result(self._input())

    def shows(self, group: str, kind: str, path: str) -> bool:
        """True if the field at ``path`` of objects of this kind has an effect on the case."""
        return any(self._differs(edited) for edited in self._edits(group, kind, path))

    def _edits(self, group: str, kind: str, path: str) -> Iterator[Mapping[str, str]]:
        if kind == KIND_NAME and not group:
            for document in _variants(self.settings, path) if self.settings else ():
                yield {_SETTINGS: json.dumps(document)}
            return
        for index, raw in enumerate(self.documents):
            if (raw.meta.api_group, raw.kind) == (group, kind):
                for document in _variants(raw, path):
                    yield self._input(index, document)

    def _input(self, index: int = -1, document: Document | None = None) -> Mapping[str, str]:
        """The input as JSON, which is YAML. Its lines are others, but no result has lines in it."""
        every = [document if number == index else dict(raw.document) for number, raw in enumerate(self.documents)]
        return {_INPUT: "\n---\n".join(map(json.dumps, every))}

    def _differs(self, edited: Mapping[str, str]) -> bool:
        result, errors = self._result({**self._input(), **edited})
        before, known = self.unchanged
        return errors <= known and result != before

    def _result(self, edited: Mapping[str, str]) -> tuple[object, int]:
        outputs = replace(self.case, edited=edited).outputs()
        diagnostics = outputs.pop("diagnostics.txt", "")
        return outputs, sum(line.startswith("error") for line in diagnostics.splitlines())


def _variants(raw: RawObject, path: str) -> Iterator[Document]:
    document = dict(raw.document)
    for place in places(document, path):
        yield from variants(document, place)


def evidence(group: str, kind: str, paths: Iterable[str], benches: tuple[Bench, ...]) -> dict[str, Case]:
    """For each field a case that proves it, as far as there is one: of Envoy's resources if possible."""
    found = ((path, next((b.case for b in benches if b.shows(group, kind, path)), None)) for path in paths)
    return {path: case for path, case in found if case is not None}


def all_benches() -> tuple[Bench, ...]:
    """Every case; those that end in resources first."""
    return tuple(map(Bench, sorted(cases(), key=lambda case: (case.stage == "config", str(case)))))
