"""Every claim of the threat model names a test that there is."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "threat-model.md").read_text()
NAMED = sorted(set(re.findall(r"\[(\w+)\]\(\.\./([\w/]+\.py)\)", PAGE)))
_CLAIMS = ("| claim | shown by |", "| what | bound | shown by |")


def claims() -> list[str]:
    """The rows of every table whose last column says what shows it."""
    tables = [block.splitlines() for block in PAGE.split("\n\n") if block.startswith(_CLAIMS)]
    return [row for _, _, *rows in tables for row in rows]


@pytest.mark.parametrize(("name", "file"), NAMED, ids=[name for name, _ in NAMED])
def test_a_test_that_is_named_is_there(name: str, file: str) -> None:
    tree = ast.parse((ROOT / file).read_text())
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert name in functions


@pytest.mark.parametrize("row", claims())
def test_a_claim_names_what_shows_it(row: str) -> None:
    *_, shown, _ = row.split("|")
    assert re.search(r"\[test_\w+\]\(", shown)


def test_every_part_makes_claims() -> None:
    headings = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    assert [part.splitlines()[0] for part in headings if not any(each in part for each in _CLAIMS)] == []
