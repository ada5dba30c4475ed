"""Every code that a diagnostic can have is in the catalogue: read from the source, as no run meets them all."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import xds
from xds.config.analysis import MESSAGES

ROOT = Path(xds.__file__).parent
SOURCES = sorted([*ROOT.glob("config/**/*.py"), *ROOT.glob("sources/*.py"), ROOT / "app" / "refusals.py"])
REPORTERS = re.compile(r"^_?(error|warning|info|report|finding|Diagnostic|Problem|_about)$")
CODE = re.compile(r"^[a-z]+(-[a-z]+)+$")
SILENT = {"ignored-kind"}


def codes(tree: ast.AST) -> Iterator[str]:
    """The code is the last argument of whatever reports, or has its name."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and REPORTERS.match(_name(call.func)):
            named = [keyword.value for keyword in call.keywords if keyword.arg == "code"]
            for value in (*call.args[-1:], *named):
                if isinstance(value, ast.Constant) and isinstance(value.value, str) and CODE.match(value.value):
                    yield value.value


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def test_every_code_in_the_source_has_a_message() -> None:
    used = {code for path in SOURCES for code in codes(ast.parse(path.read_text()))}
    assert len(used) > 30
    assert used - MESSAGES.keys() - SILENT == set()
