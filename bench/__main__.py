"""``python -m bench``: run the cases, print a table, write ``bench.json``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench import report
from bench.case import FULL, QUICK
from bench.cases import CASES
from bench.run import WORKER, run, work


def main() -> int:
    options = _options()
    stored = report.read(options.compare) if options.compare else {}
    size = QUICK if options.quick else FULL
    measured: list[report.Result] = []
    for case in CASES:
        if options.only is None or case.name in options.only:
            print(f"{case.name} ...", file=sys.stderr)
            measured += report.results(case, run(case, size))
    report.show(measured, stored)
    if options.output:
        report.write(options.output, size, measured)
    return 0


def _options() -> argparse.Namespace:
    names = [case.name for case in CASES]
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure, print a table, write bench.json.")
    parser.add_argument("--quick", action="store_true", help="a small mesh, to see that it works; writes no file")
    parser.add_argument("--only", action="append", choices=names, help="this case (repeatable); writes no file")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="print the ratio to the figures of this file")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to write the figures to")
    options = parser.parse_args()
    if options.output is None and not options.quick and not options.only:
        options.output = Path("bench.json")
    return options


if __name__ == "__main__":
    if sys.argv[1:2] == [WORKER]:
        work(sys.argv[2:])
    else:
        sys.exit(main())
