"""Writes ``docs/fields.md``: for every field of every kind, whether it is honoured, and which test proves it.

Run by ``make docs``, as ``python -m docs.generate_fields``. It writes nothing if a claim is without proof.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from docs.field_table import KindId, Row, current_problems, table

TARGET = Path(__file__).with_name("fields.md")

_INTRO = """# Fields

Every field of every Istio kind is accepted, checked, and either honoured or named in a `not-honoured` warning. This
page is written by `make docs` from the lists of the parsers. List indices are left out; `*` stands for any key of a
map.

An honoured field is proven by a golden case (a folder below `tests/goldens/`): without the field, or with another
value, the case has another result and no more errors. This is tried anew whenever the page is made. A field that is
read by the same function as another, in another place, may share its proof ("as ..."), if some field of that place has
a proof of its own. The tests in the last column send requests through real Envoys. A field that has no effect says why.
"""


def document() -> str:
    """The whole page."""
    sections = [line for kind, rows in table().items() for line in _section(kind, rows)]
    return "\n".join([_INTRO, *_summary(), "", *sections])


def _summary() -> Iterator[str]:
    yield "| kind | honoured | with traffic tests |"
    yield "|---|---|---|"
    for (_, name), rows in table().items():
        honoured, traffic = sum(row.honoured for row in rows), sum(bool(row.traffic) for row in rows)
        yield f"| [{name}](#{name.lower()}) | {honoured} of {len(rows)} | {traffic} |"


def _section(kind: KindId, rows: tuple[Row, ...]) -> Iterator[str]:
    group, name = kind
    yield f"## {name}\n"
    yield f"API group `{group}`.\n" if group else "No API group.\n"
    yield "| field | honoured | golden case | traffic test |"
    yield "|---|---|---|---|"
    for row in rows:
        yield f"| `{row.path}` | {row.reason or 'yes'} | {_golden(row)} | {'<br>'.join(map(_test, row.traffic))} |"
    yield ""


def _golden(row: Row) -> str:
    return f"as `{row.as_in}`" if row.as_in else row.golden


def _test(test: str) -> str:
    file, _, function = test.partition("::")
    return f"[{function}](../e2e/{file})"


def main() -> int:
    """Returns 0 if the page was written, 1 with the reasons on stderr if it cannot be."""
    found = current_problems()
    for problem in found:
        print(problem, file=sys.stderr)
    if not found:
        TARGET.write_text(document())
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
