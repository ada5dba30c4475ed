"""What ``from xds import ...`` promises."""

from __future__ import annotations

import ast
from pathlib import Path

import xds


def test_every_public_name_can_be_imported() -> None:
    for name in xds.__all__:
        assert getattr(xds, name) is not None
    assert set(xds.__all__) <= set(dir(xds))


def test_type_checkers_and_the_interpreter_agree_on_where_names_live() -> None:
    tree = ast.parse(Path(xds.__file__).read_text())
    blocks = [node for node in tree.body if isinstance(node, ast.If)]
    imports = [node for block in blocks for node in block.body if isinstance(node, ast.ImportFrom)]
    declared = {alias.name: node.module for node in imports for alias in node.names}
    assert declared == xds._HOMES
    assert sorted([*declared, "__version__"]) == sorted(xds.__all__)
