"""Which traffic tests say that they prove a field: read from the source of the tests, without running any."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parents[1] / "e2e"
_MARK = "proves"


class TrafficProof(NamedTuple):
    """A test that is marked with ``@proves``. test: ``file.py::function``, relative to the folder."""

    kind: str
    field: str
    test: str


def traffic_proofs(folder: Path = FOLDER) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """By kind and field, the tests that prove it."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for path in sorted(folder.rglob("test_*.py")):
        for proof in _proofs(path, folder):
            found[proof.kind, proof.field] = (*found.get((proof.kind, proof.field), ()), proof.test)
    return found


def _proofs(path: Path, folder: Path) -> Iterator[TrafficProof]:
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.func.id == _MARK:
                    kind, *fields = (str(ast.literal_eval(argument)) for argument in mark.args)
                    test = f"{path.relative_to(folder)}::{node.name}"
                    yield from (TrafficProof(kind, field, test) for field in fields)
