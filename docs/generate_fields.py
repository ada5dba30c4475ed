"""Writes ``docs/fields.md``: for every field of every kind, whether it is honoured. Run by ``make docs``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from xds.config.kinds import KINDS, mesh_config
from xds.config.schema import field_paths, known_kinds

TARGET = Path(__file__).with_name("fields.md")

_INTRO = """# Fields

Every field of every Istio kind is accepted, checked, and either honoured or named in a `not-honoured` warning. This
page is written by `make docs` from the lists of the parsers. List indices are left out; `*` stands for any key of a
map.
"""


def document() -> str:
    """The whole page."""
    sections = [section for group, name in sorted(known_kinds(), key=_order) for section in _section(group, name)]
    return "\n".join([_INTRO, *_summary(), "", *sections])


def _order(kind: tuple[str, str]) -> tuple[bool, str, str]:
    group, name = kind
    return (group in ("", "discovery.k8s.io"), group, name)


def _honoured() -> dict[tuple[str, str], frozenset[str]]:
    lists = {(kind.group, kind.name): kind.honoured for kind in KINDS}
    return {**lists, ("", mesh_config.KIND_NAME): mesh_config.HONOURED}


def _summary() -> Iterator[str]:
    yield "| kind | honoured |"
    yield "|---|---|"
    for group, name in sorted(known_kinds(), key=_order):
        paths = field_paths(name, group)
        count = sum(1 for path in paths if covers(_honoured().get((group, name), frozenset()), path))
        yield f"| [{name}](#{name.lower()}) | {count} of {len(paths)} |"


def _section(group: str, name: str) -> Iterator[str]:
    honoured = _honoured().get((group, name), frozenset())
    yield f"## {name}\n"
    yield f"API group `{group}`.\n" if group else "No API group.\n"
    yield "| field | |"
    yield "|---|---|"
    for path in field_paths(name, group):
        yield f"| `{path}` | {'honoured' if covers(honoured, path) else '-'} |"
    yield ""


def covers(honoured: frozenset[str], path: str) -> bool:
    """True if the list has the field itself, or something above it with ``.*``."""
    parts = path.split(".")
    return path in honoured or any(".".join((*parts[:count], "*")) in honoured for count in range(1, len(parts)))


if __name__ == "__main__":
    TARGET.write_text(document())
    sys.exit(0)
