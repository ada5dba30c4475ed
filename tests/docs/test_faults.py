"""The page of what was measured."""

from __future__ import annotations

from e2e.faults.table import Fault, Measured, merged
from examples.bookinfo.topology import REPOSITORY

PAGE = (REPOSITORY / "docs" / "faults.md").read_text()


def test_a_run_of_a_part_replaces_the_rows_of_that_part() -> None:
    after = merged(
        PAGE, [Measured(Fault.HALF_WRITTEN, 7, 0, "it stays"), Measured(Fault.INVALID_FLOOD, 8, 0, "as well")]
    )
    before = PAGE.splitlines()
    new = [line for line in after.splitlines() if line not in before]
    assert new == [
        f"| {Fault.HALF_WRITTEN.value} | 7 | 0 | it stays |",
        f"| {Fault.INVALID_FLOOD.value} | 8 | 0 | as well |",
    ]
    assert len(after.splitlines()) == len(before)


def test_the_order_is_that_of_the_list_whatever_ran_first() -> None:
    rows = [Measured(fault, 1, 0, "") for fault in Fault]
    assert merged("", rows) == merged("", reversed(rows))


def test_what_is_no_fault_any_more_goes() -> None:
    gone = "| an earth of glass | 1 | 0 | it breaks |\n"
    assert merged(PAGE.replace("|---|---|---|---|\n", f"|---|---|---|---|\n{gone}"), []) == PAGE


def test_the_page_has_every_fault() -> None:
    named = [line.removeprefix("| ").partition(" | ")[0] for line in PAGE.splitlines() if line.startswith("| ")]
    assert named[1:] == [fault.value for fault in Fault]
