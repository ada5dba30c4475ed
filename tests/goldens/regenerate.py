"""``make goldens``: writes what every stage makes of every case, and removes what no case has any more."""

from __future__ import annotations

import sys

from tests.goldens.case import ROOT, cases


def main() -> int:
    """Returns 0. Prints what changed."""
    known = set()
    for case in cases():
        known.add(case.folder)
        for orphan in case.orphans():
            print(f"removed {orphan.relative_to(ROOT)}")
            orphan.unlink()
        for name, text in case.outputs().items():
            path = case.folder / name
            if not path.exists() or path.read_text() != text:
                print(f"wrote   {path.relative_to(ROOT)}")
                path.write_text(text)
    print(f"{len(known)} cases")
    return 0


if __name__ == "__main__":
    sys.exit(main())
